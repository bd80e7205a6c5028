import { type Clock, sleep, systemClock } from '../../../lib/clock.ts';
import { AtalaiaError } from '../../../lib/errors.ts';
import {
  connectMqtt,
  type MqttAccess,
  type MqttClient,
  type MqttPublish,
  makeMqttClient,
  takeMqttMessages,
} from '../../../lib/mqtt.ts';
import { InHand } from './in-hand.ts';

const RETRY_MS = 1000;
const LONGEST_RETRY_MS = 30_000;
/** Longest wait for the messages in hand when closing; the broker brings them again. */
const CLOSE_WAIT_MS = 10_000;
const END_WAIT_MS = 2000;
/** A connection that ended sooner was no good one. */
const GOOD_AFTER_MS = 30_000;

export interface MqttMessage {
  readonly body: Uint8Array;
  readonly topic: string;
  /** MQTT 5: the media type that the publisher names. */
  readonly contentType?: string;
}

export interface MqttSourceOptions extends MqttAccess {
  /** Topic filters, `stations/+/reports`. */
  readonly topics: readonly string[];
  /** Several processes of one group share the messages (`$share`; MQTT 5, and brokers that know it for 3.1.1). */
  readonly sharedGroup?: string;
  /**
   * What the broker keeps as the last of a topic comes first at each subscription, however old. Taken only when messages
   * say their own time.
   */
  readonly takesRetained: boolean;
  /** Messages of one lane are handed over one after the other; default a lane for each topic. */
  readonly laneOf?: (message: MqttMessage) => string;
  /** Its resolution acknowledges the message; while it rejects, the message is handed over again. */
  readonly onMessage: (message: MqttMessage) => Promise<void>;
  readonly onEvent?: (event: MqttSourceEvent) => void;
  readonly openTimeoutMs?: number;
  readonly clock?: Clock;
}

export type MqttSourceEvent =
  | { readonly kind: 'unreachable'; readonly failure: string }
  | { readonly kind: 'reachable' }
  | { readonly kind: 'failed'; readonly topic: string; readonly failure: string }
  /** A message that was retained was not taken. */
  | { readonly kind: 'retained'; readonly topic: string };

export interface MqttSource {
  /** Takes no more and waits for the messages in hand; the session stays on the broker. */
  close(): Promise<void>;
}

/**
 * Takes in messages of topics with QoS 1 and a session that outlives the connection: the broker gets its acknowledgement
 * when `onMessage` has resolved, so what is not durable here stays its to bring again. Up to `inFlight` messages are handled
 * at once, those of one topic one after the other; they are acknowledged in the order in which they came. Rejects with ATL_CONFIG (no rights, no client), ATL_BUSY (no broker answers).
 */
export async function openMqttSource(options: MqttSourceOptions): Promise<MqttSource> {
  const client = await makeMqttClient(options);
  const source = new Source(client, options);
  await connectMqtt(client, options.urls, options.openTimeoutMs ?? 30_000);
  try {
    await source.subscribe();
  } catch (error) {
    await source.close();
    throw error;
  }
  return source;
}

class Source implements MqttSource {
  readonly #client: MqttClient;
  readonly #options: MqttSourceOptions;
  readonly #clock: Clock;
  readonly #inHand: InHand;
  /** Counts connections: an acknowledgement belongs to the one that its message came by. */
  #connection = 0;
  #connectedAt: number | undefined;
  #isOut = false;
  #isClosing = false;

  constructor(client: MqttClient, options: MqttSourceOptions) {
    this.#client = client;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#inHand = new InHand(options.inFlight);
    takeMqttMessages(client, (packet, acknowledge, goOn) => this.#add(packet, acknowledge, goOn));
    client.on('connect', () => {
      this.#inHand.forget();
      this.#connection++;
      this.#connectedAt = this.#clock.monotonicMs();
      if (this.#connection > 1) void this.#again(this.#connection);
    });
    client.on('close', () => this.#closed());
    client.on('error', (error) => this.#lost(error.message));
  }

  async subscribe(): Promise<void> {
    const { topics, sharedGroup, version } = this.#options;
    const filters = topics.map((topic) => (sharedGroup ? `$share/${sharedGroup}/${topic}` : topic));
    // Retained messages once, not at every reconnection, where the broker knows how (MQTT 5 section 3.8.3.1).
    const options = { qos: 1, ...(version === '5' && !sharedGroup ? { rh: 1 } : {}) } as const;
    try {
      await this.#client.subscribeAsync(filters, options);
    } catch (cause) {
      // The client says so for every grant that is a refusal (MQTT 5 section 3.9.3).
      if ((cause as { readonly packet?: { readonly cmd?: string } }).packet?.cmd !== 'suback') throw cause;
      throw new AtalaiaError(
        'ATL_CONFIG',
        `The MQTT broker refuses a topic of ${topics.join(', ')}: ${messageOf(cause)}. Check the filters and the rights of this user.`,
        { cause },
      );
    }
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.race([this.#inHand.idle(), sleep(this.#clock, CLOSE_WAIT_MS)]);
    // Not at once: acknowledgements that are written already are to arrive.
    const ended = this.#client.endAsync(false).catch(() => undefined);
    await Promise.race([ended, sleep(this.#clock, END_WAIT_MS).then(() => this.#client.end(true))]);
  }

  #add(
    { topic, payload, retain, contentType }: MqttPublish,
    acknowledge: () => void,
    goOn: () => void,
  ): void {
    const connection = this.#connection;
    const message = { topic, body: payload, ...(contentType === undefined ? {} : { contentType }) };
    this.#inHand.add(
      this.#options.laneOf?.(message) ?? topic,
      () => this.#handle(message, retain),
      // A later session may use the number of this message for another one.
      () => {
        if (connection === this.#connection) acknowledge();
      },
      goOn,
    );
  }

  /** Resolves true when the message may be acknowledged. */
  async #handle(message: MqttMessage, isRetained: boolean): Promise<boolean> {
    const { onMessage, onEvent, takesRetained } = this.#options;
    const { topic } = message;
    if (isRetained && !takesRetained) {
      onEvent?.({ kind: 'retained', topic });
      return true;
    }
    while (!this.#isClosing) {
      try {
        await onMessage(message);
        return true;
      } catch (error) {
        if (this.#isClosing) return false;
        onEvent?.({ kind: 'failed', topic, failure: messageOf(error) });
        await sleep(this.#clock, RETRY_MS);
      }
    }
    return false;
  }

  /** Subscribes again, until it is done or the connection is another one: without subscriptions nothing would come. */
  async #again(connection: number): Promise<void> {
    for (let pauseMs = RETRY_MS; ; pauseMs = Math.min(LONGEST_RETRY_MS, 2 * pauseMs)) {
      try {
        await this.subscribe();
        if (connection !== this.#connection) return;
        if (this.#isOut) this.#options.onEvent?.({ kind: 'reachable' });
        this.#isOut = false;
        return;
      } catch (error) {
        this.#lost(messageOf(error));
      }
      await sleep(this.#clock, pauseMs);
      // Where the connection is lost as well, the next one subscribes.
      if (connection !== this.#connection || this.#isClosing || !this.#client.connected) return;
    }
  }

  #closed(): void {
    const { clientId, retryMs } = this.#options;
    if (this.#connectedAt !== undefined) {
      const livedMs = this.#clock.monotonicMs() - this.#connectedAt;
      const { options } = this.#client;
      options.reconnectPeriod = pauseAfter(livedMs, options.reconnectPeriod ?? retryMs, retryMs);
    }
    this.#connectedAt = undefined;
    this.#lost(
      `the connection was closed; where that happens again and again, look whether another process uses the client id ${clientId}`,
    );
  }

  #lost(failure: string): void {
    if (this.#isOut || this.#isClosing || this.#connection === 0) return;
    this.#isOut = true;
    this.#options.onEvent?.({ kind: 'unreachable', failure });
  }
}

/**
 * Before the next connection, ms: longer each time that one ended soon, as for two processes of one client id, which would
 * do nothing else than take the session from each other.
 */
export const pauseAfter = (livedMs: number, beforeMs: number, leastMs: number): number =>
  livedMs >= GOOD_AFTER_MS ? leastMs : Math.min(LONGEST_RETRY_MS, 2 * beforeMs);

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
