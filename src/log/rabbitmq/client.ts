import { AtalaiaError } from '../../lib/errors.ts';

/** AMQP 0-9-1 by `amqplib`; why that client: docs/rabbitmq.md. */
export type AmqpClient = typeof import('amqplib');
export type { Channel, ChannelModel, ConfirmChannel, ConsumeMessage } from 'amqplib';

/** How to reach RabbitMQ: the same keys wherever one is configured. */
export interface RabbitmqAccess {
  /** `amqp://user:password@host:port/vhost`, one or some nodes of a cluster; `amqps:` turns TLS on. */
  readonly urls: readonly string[];
  /** Options of `tls.connect` for `amqps:`. */
  readonly tls?: import('node:tls').ConnectionOptions;
  /** A connection without a sign of life for twice this long is given up, seconds; default 5. */
  readonly heartbeatS?: number;
  /** Longest time to build a connection up, ms; default 10 000. */
  readonly connectTimeoutMs?: number;
}

/** Loads the optional client package. @throws AtalaiaError ATL_CONFIG when it is not installed */
export async function loadClient(): Promise<AmqpClient> {
  try {
    const found = (await import('amqplib')) as AmqpClient & { readonly default?: AmqpClient };
    return found.default ?? found;
  } catch (cause) {
    throw new AtalaiaError(
      'ATL_CONFIG',
      'RabbitMQ is configured, but its client is not installed. Run `npm install amqplib@2`.',
      { cause },
    );
  }
}

/** The reply code of an error of the server (AMQP 0-9-1, reply codes), as 404 for a queue that is not there. */
export const replyCode = (error: unknown): number | undefined => (error as { code?: number } | null)?.code;

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** A url as it may be shown: without the password. */
export function shownUrl(url: string): string {
  try {
    const { protocol, host, pathname } = new URL(url);
    return `${protocol}//${host}${pathname}`;
  } catch {
    return '(not a url)';
  }
}

/** Closes a channel or connection that may be closed already. */
export async function closeQuietly(what: { close(): Promise<void> } | undefined): Promise<void> {
  try {
    await what?.close();
  } catch {
    // It was.
  }
}
