import type { Readiness } from '../../api/deps.ts';
import type { Clock } from '../../lib/clock.ts';

/** A watcher that does not answer within this is taken for away. */
const TIMEOUT_MS = 10_000;

export interface HeartbeatOptions {
  readonly url: string;
  readonly everyMs: number;
  readonly ready: () => Readiness;
  readonly clock: Clock;
  /** Told when beats begin to fail or to be withheld, with the reason, and when they go again (null). */
  readonly onChange: (why: string | null) => void;
  /** Told of each beat. */
  readonly onBeat?: (outcome: 'sent' | 'failed' | 'withheld') => void;
}

/**
 * A dead-man's signal: while this server can warn people (`/readyz`), it sends `POST url` at regular intervals to a watcher
 * outside. What it watches for is silence: no beat is sent by a server that is not ready, and none by one that is gone.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #cancel: () => void = () => {};
  #isStopped = false;
  #why: string | null = null;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** Sends the first beat now. */
  start(): void {
    if (this.#isStopped) return;
    void this.#beat().then(() => {
      if (!this.#isStopped)
        this.#cancel = this.#options.clock.after(this.#options.everyMs, () => this.start());
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  async #beat(): Promise<void> {
    const { ready, checks } = this.#options.ready();
    if (!ready) {
      const failed = checks.filter(({ ok }) => !ok).map(({ name, detail }) => `${name} (${detail})`);
      this.#tell('withheld', `this server is not ready: ${failed.join(', ')}`);
      return;
    }
    try {
      const answer = await fetch(this.#options.url, {
        method: 'POST',
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await answer.body?.cancel();
      if (answer.ok) this.#tell('sent', null);
      else this.#tell('failed', `the watcher answered ${answer.status}`);
    } catch (error) {
      const { message, cause } = error as Error;
      this.#tell(
        'failed',
        `the watcher does not answer: ${cause instanceof Error ? cause.message : message}`,
      );
    }
  }

  #tell(outcome: 'sent' | 'failed' | 'withheld', why: string | null): void {
    this.#options.onBeat?.(outcome);
    // The reason counts figures up with every beat; that it is another kind of trouble is what matters.
    if ((why === null) !== (this.#why === null)) this.#options.onChange(why);
    this.#why = why;
  }
}
