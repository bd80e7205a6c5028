import type { Connection, fetchV13 } from '@platformatic/kafka';
import { AtalaiaError } from '../../lib/errors.ts';

/** The wire protocol and the connections of `@platformatic/kafka`; its producer and consumer are not used (docs/kafka.md). */
export type KafkaClient = typeof import('@platformatic/kafka');
export type { Connection, KafkaRecord, RecordsBatch } from '@platformatic/kafka';
export type FetchResponsePartition = fetchV13.FetchResponsePartition;

/** How to reach a cluster: the same keys wherever one is configured. */
export interface KafkaAccess {
  /** `host:port` of some brokers; the others are learnt from them. */
  readonly brokers: readonly string[];
  readonly clientId?: string;
  /** Options of `tls.connect`; an empty object turns TLS on. */
  readonly tls?: import('node:tls').ConnectionOptions;
  readonly sasl?: {
    readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'OAUTHBEARER';
    readonly username?: string;
    readonly password?: string;
    readonly token?: string;
  };
  /** Longest time for one answer of a broker, ms; default 10 000. */
  readonly requestTimeoutMs?: number;
}

/** Loads the optional client package. @throws AtalaiaError ATL_CONFIG when it is not installed */
export async function loadClient(): Promise<KafkaClient> {
  try {
    return await import('@platformatic/kafka');
  } catch (cause) {
    throw new AtalaiaError(
      'ATL_CONFIG',
      'The log is to be on Apache Kafka, but its client is not installed. Run `npm install @platformatic/kafka@2`.',
      { cause },
    );
  }
}

/** A failed answer of a broker, seen from what is to be done about it. */
export interface Failure {
  /** Kafka's name of the error, as NOT_LEADER_OR_FOLLOWER; NETWORK when there was no answer. */
  readonly id: string;
  /** Another try may go well. */
  readonly mayRetry: boolean;
}

export const noFailure: Failure = { id: 'NONE', mayRetry: false };
/** No answer: the request may have been carried out or not. */
export const networkFailure: Failure = { id: 'NETWORK', mayRetry: true };

/** An error code of a response by Kafka's table ("Kafka protocol guide", error codes). */
export function failureOf(client: KafkaClient, code: number): Failure {
  if (code === 0) return noFailure;
  const id = client.protocolErrorsCodesById[code] ?? `CODE_${code}`;
  return { id, mayRetry: client.protocolErrors[id]?.canRetry ?? false };
}

/** The response that the client hides inside the error it throws when any part of it has an error code. */
export function responseIn<Response>(error: unknown): Response | undefined {
  const response = (error as { response?: unknown } | null)?.response;
  return typeof response === 'object' && response !== null ? (response as Response) : undefined;
}

/** An answer whatever error codes stand in it; rejects only when there was none. */
export async function answer<Response>(request: Promise<Response>): Promise<Response> {
  try {
    return await request;
  } catch (error) {
    const response = responseIn<Response>(error);
    if (response === undefined) throw error;
    return response;
  }
}

export type Request<Response> = (connection: Connection) => Promise<Response>;

/** The broker does not know the user, or the password is another one. */
export function isUserRefused(error: unknown): boolean {
  let cause = error as { code?: unknown; cause?: unknown } | undefined;
  for (let depth = 0; cause && depth < 8; depth++) {
    if (cause.code === 'PLT_KFK_AUTHENTICATION') return true;
    cause = cause.cause as typeof cause;
  }
  return false;
}
