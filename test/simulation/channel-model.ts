import type { Channel, Notification, Outcome } from '../../src/delivery/channel.ts';
import type { Life, Scheduler } from './scheduler.ts';

/** What a channel got, with the fate of its answer. */
export interface Received {
  readonly key: string;
  readonly body: string;
  readonly at: number;
  /** When the dispatcher was given the answer that it arrived; infinity when it never was. */
  acknowledgedAt: number;
}

/** The far side of a channel: keeps all that arrives; may be down, slow, or lose its answers. */
export class ChannelModel {
  readonly received: Received[] = [];
  isDown = false;
  isFlaky = true;
  readonly #scheduler: Scheduler;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /** The channel as a dispatcher in the process `life` sees it. */
  port(life: Life): Channel {
    const scheduler = this.#scheduler;
    return {
      deliver: (notification: Notification) =>
        new Promise<Outcome>((done) => {
          const answer = (outcome: Outcome, onGiven = (): void => {}): void =>
            void scheduler.after(
              scheduler.delay(20),
              () => {
                onGiven();
                done(outcome);
              },
              life,
            );
          scheduler.after(scheduler.delay(10), () => {
            if (this.isDown || (this.isFlaky && scheduler.chance(0.05)))
              return answer({ kind: 'retry-later', reason: 'HTTP 503' });
            const { key, body } = notification;
            const received: Received = {
              key,
              body,
              at: scheduler.now,
              acknowledgedAt: Number.POSITIVE_INFINITY,
            };
            this.received.push(received);
            scheduler.trace(`delivered ${key}`);
            if (this.isFlaky && scheduler.chance(0.03))
              return answer({ kind: 'retry-later', reason: 'answer lost' });
            if (this.isFlaky && scheduler.chance(0.01)) return;
            answer({ kind: 'delivered' }, () => {
              received.acknowledgedAt = scheduler.now;
            });
          });
        }),
      close: async () => {},
    };
  }
}
