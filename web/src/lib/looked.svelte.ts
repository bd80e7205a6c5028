import { account } from './account.svelte.ts';
import { live } from './live.svelte.ts';
import { awaySince, type Look, readLook } from './shift.ts';

const KEY = 'atalaia-looked';
const everyMs = 5000;

/** Remembers, in this browser, when each person was last at the duty page. */
class Looked {
  /** System's clock, epoch ms: what came later has not been looked at; null: nothing to sum up. */
  since = $state<number | null>(null);
  #last: Look | null = null;
  #isUsed = true;

  /** Call in an effect while the duty page is shown; the returned function ends it. */
  follow(): () => void {
    const stop = new AbortController();
    const use = (): void => {
      this.#isUsed = true;
    };
    for (const event of ['keydown', 'pointerdown', 'pointermove', 'wheel'])
      addEventListener(event, use, { signal: stop.signal, passive: true });
    this.#last = readLook(kept(this.#key()));
    this.#look();
    const timer = setInterval(() => this.#look(), everyMs);
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  }

  /** The person has seen what came. */
  clear(): void {
    this.since = null;
  }

  #key(): string {
    return `${KEY}:${account.user?.name ?? ''}`;
  }

  /** Somebody is there: what came while they were away is summed up, and from now on they are here. */
  #look(): void {
    if (!this.#isUsed || document.hidden || !live.status) return;
    this.#isUsed = false;
    const now = { system: live.now, wall: Date.now() };
    this.since ??= awaySince(this.#last, now);
    this.#last = now;
    try {
      localStorage.setItem(this.#key(), JSON.stringify(now));
    } catch {
      // A browser that keeps nothing: absence is known only while the page is open.
    }
  }
}

function kept(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export const looked = new Looked();
