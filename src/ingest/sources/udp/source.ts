import { createSocket, type Socket } from 'node:dgram';
import { isIP } from 'node:net';
import { AtalaiaError } from '../../../lib/errors.ts';

const MAX_WAITING = 1000;
/** Datagrams can be 64 KiB each. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

export interface UdpSourceOptions {
  /** Address to listen on; `0.0.0.0` hears broadcasts. */
  readonly host: string;
  readonly port: number;
  /** Datagrams in hand at most, default 1000: what comes beyond is dropped and told, for no sender of UDP can be asked to wait. */
  readonly maxWaiting?: number;
  readonly onMessage: (message: { readonly body: Uint8Array; readonly from: string }) => Promise<void>;
  readonly onEvent?: (event: UdpSourceEvent) => void;
}

export type UdpSourceEvent =
  /** More came than could be written; so many were lost since the last time that this was told. */
  | { readonly kind: 'dropped'; readonly datagrams: number }
  | { readonly kind: 'failed'; readonly failure: string };

export interface UdpSource {
  /** The port that it listens on. */
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Listens for datagrams, at most once by nature of UDP: what is lost on the way or in an outage does not come again.
 * Rejects with ATL_CONFIG when the address cannot be listened on.
 */
export async function openUdpSource(options: UdpSourceOptions): Promise<UdpSource> {
  const socket = createSocket({ type: isIP(options.host) === 6 ? 'udp6' : 'udp4', reuseAddr: true });
  await new Promise<void>((listening, failed) => {
    socket.once('error', (cause) =>
      failed(
        new AtalaiaError(
          'ATL_CONFIG',
          `UDP ${options.host}:${options.port} cannot be listened on: ${cause.message}. Choose another port or address.`,
          { cause },
        ),
      ),
    );
    socket.bind(options.port, options.host, listening);
  });
  return new Receiver(socket, options);
}

class Receiver implements UdpSource {
  readonly #socket: Socket;
  readonly #options: UdpSourceOptions;
  readonly #waiting: { body: Uint8Array; from: string }[] = [];
  #working: Promise<void> | null = null;
  #waitingBytes = 0;
  #dropped = 0;

  constructor(socket: Socket, options: UdpSourceOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.removeAllListeners('error');
    socket.on('error', (error) => options.onEvent?.({ kind: 'failed', failure: error.message }));
    socket.on('message', (body, { address, port }) => this.#heard(body, `${address}:${port}`));
  }

  get port(): number {
    return this.#socket.address().port;
  }

  #heard(body: Uint8Array, from: string): void {
    const isFull = this.#waiting.length >= (this.#options.maxWaiting ?? MAX_WAITING);
    if (isFull || this.#waitingBytes + body.byteLength > MAX_WAITING_BYTES) {
      this.#dropped++;
      return;
    }
    this.#waiting.push({ body, from });
    this.#waitingBytes += body.byteLength;
    this.#working ??= this.#work().finally(() => {
      this.#working = null;
    });
  }

  /** One after the other: the order of a sender is kept. */
  async #work(): Promise<void> {
    for (let message = this.#waiting.shift(); message; message = this.#waiting.shift()) {
      this.#waitingBytes -= message.body.byteLength;
      try {
        await this.#options.onMessage(message);
      } catch (error) {
        this.#dropped++;
        this.#options.onEvent?.({ kind: 'failed', failure: (error as Error).message });
      }
      this.#tellDropped();
    }
  }

  #tellDropped(): void {
    if (this.#dropped === 0) return;
    this.#options.onEvent?.({ kind: 'dropped', datagrams: this.#dropped });
    this.#dropped = 0;
  }

  async close(): Promise<void> {
    await new Promise<void>((closed) => this.#socket.close(closed));
    await this.#working;
  }
}
