import { signCap } from '../../alerts/cap/sign.ts';
import type { ChannelState, DeliveryDesk } from '../../api/channels/desk.ts';
import { deliverWithin } from '../../delivery/attempt.ts';
import { channels as channelKinds } from '../../delivery/channels/index.ts';
import type { Dispatcher, DispatcherEvent, DispatcherOptions } from '../../delivery/dispatcher.ts';
import { previewAudience } from '../../delivery/preview.ts';
import { testMessage } from '../../delivery/test-message.ts';
import type { Clock } from '../../lib/clock.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import { withoutAddresses } from '../../lib/redact.ts';
import { DAY_MS } from '../../model/time.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { openCapSigner } from '../cap/signer.ts';
import type { Config } from '../config/schema.ts';

interface Failure {
  readonly at: number;
  readonly reason: string;
}

/** What a process has seen of its channels since it began, over what the ledger keeps of them. */
export class ChannelWatch {
  readonly #clock: Clock;
  readonly #failures = new Map<string, Failure>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes what the dispatcher tells. The channels are those of the configuration: there are few. */
  heard(event: DispatcherEvent): void {
    if (event.kind !== 'retry' && event.kind !== 'dead') return;
    const { channel, address } = event.delivery.subscription;
    const reason = withoutAddresses(event.reason, address);
    this.#failures.set(channel, { at: this.#clock.now(), reason });
  }

  failure(channel: string): Failure | undefined {
    return this.#failures.get(channel);
  }
}

interface DeskParts {
  readonly config: Config;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly watch: ChannelWatch;
  readonly dispatcher: Dispatcher;
  /** What the dispatcher decides by. */
  readonly by: DispatcherOptions;
}

/** Answers for people about channels and who is told, over the same parts that send. */
export function createDesk({ config, ledger, clock, watch, dispatcher, by }: DeskParts): DeliveryDesk {
  const stateOf = async (name: string, kind: string, shut: readonly string[]): Promise<ChannelState> => {
    const record = await ledger.channelRecord(name, clock.now() - DAY_MS);
    const { waiting, delivered: sent, dead, lastDeliveredAt, lastDead } = record;
    const seen = watch.failure(name);
    const kept = lastDead && { at: lastDead.at, reason: withoutAddresses(lastDead.error) };
    const lastFailure = seen && (!kept || seen.at >= kept.at) ? seen : kept;
    return {
      ...{ name, kind, waiting, sent, dead },
      circuit: shut.includes(name)
        ? 'open'
        : shut.some((one) => one.startsWith(`${name} `))
          ? 'partly'
          : 'closed',
      ...(lastDeliveredAt === undefined ? {} : { lastSuccessAt: lastDeliveredAt }),
      ...(lastFailure ? { lastFailure } : {}),
    };
  };
  return {
    channels() {
      const shut = dispatcher.shut();
      return Promise.all(
        Object.entries(config.channels).map(([name, { kind }]) => stateOf(name, kind, shut)),
      );
    },
    async test(name, id, to) {
      const settings = config.channels[name];
      if (!settings)
        throw new AtalaiaError(
          'ATL_NOT_FOUND',
          `There is no channel ${name}. Configured are: ${Object.keys(config.channels).join(', ') || 'none'}.`,
        );
      const { notification, cap } = testMessage({ id, at: clock.now(), server: config.server, ...to });
      const { signature } = config.cap;
      const signed = signature === undefined ? cap : signCap(cap, openCapSigner(signature, clock.now()));
      // A channel of its own: it is of a test server, and neither circuit nor connections of the real one are touched.
      const channel = channelKinds[settings.kind].create(settings, {
        ...{ clock, environment: 'test', cap: async () => signed },
      });
      const began = clock.monotonicMs();
      try {
        const outcome = await deliverWithin(channel, notification, clock);
        const tookMs = Math.round(clock.monotonicMs() - began);
        const common = { key: notification.key, tookMs };
        if (outcome.kind === 'delivered')
          return {
            ...common,
            outcome: 'delivered',
            ...(outcome.receipt ? { receipt: outcome.receipt } : {}),
          };
        const reason = withoutAddresses(outcome.reason, to.address);
        return { ...common, outcome: outcome.kind === 'rejected' ? 'rejected' : 'later', reason };
      } finally {
        await channel.close();
      }
    },
    audience: (revision) => previewAudience(by, revision),
  };
}
