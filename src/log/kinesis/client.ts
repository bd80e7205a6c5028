import type { KinesisClient } from '@aws-sdk/client-kinesis';
import type { Clock } from '../../lib/clock.ts';
import { AtalaiaError } from '../../lib/errors.ts';

type Sdk = typeof import('@aws-sdk/client-kinesis');

/** How to reach the service. What is left out the AWS SDK takes from the environment, the profile or the instance's role. */
export interface KinesisAccess {
  readonly region?: string;
  /** Another address than AWS's own, for a private endpoint or an emulator; `http:` is spoken in HTTP/1.1. */
  readonly endpoint?: string;
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
  /** Longest time for one answer, ms; default 10 000. */
  readonly requestTimeoutMs?: number;
  /** Adds middleware to the SDK's client, for tracing or for faults in tests. */
  readonly configure?: (client: KinesisClient) => void;
}

const missing = (name: string, cause: unknown): AtalaiaError =>
  new AtalaiaError(
    'ATL_CONFIG',
    `The log is to be on AWS Kinesis, but its client is not installed. Run \`npm install ${name}\`.`,
    { cause },
  );

async function loadSdk(): Promise<Sdk> {
  try {
    return await import('@aws-sdk/client-kinesis');
  } catch (cause) {
    throw missing('@aws-sdk/client-kinesis@3', cause);
  }
}

/** The SDK speaks HTTP/2 to Kinesis, which nobody serves without TLS. */
async function plainHandler() {
  try {
    const { NodeHttpHandler } = await import('@smithy/node-http-handler');
    return new NodeHttpHandler();
  } catch (cause) {
    throw missing('@smithy/node-http-handler@4', cause);
  }
}

/** Answers of the service that another try will not change: the rights, the name or the request are wrong. */
const lasting = new Set([
  'AccessDeniedException',
  'UnrecognizedClientException',
  'InvalidSignatureException',
  'ResourceNotFoundException',
  'InvalidArgumentException',
  'ValidationException',
  'KMSAccessDeniedException',
  'KMSDisabledException',
  'KMSNotFoundException',
]);

/** The name of a failure, as ProvisionedThroughputExceededException, and whether another try may go well. */
export function failureOf(error: unknown): { readonly id: string; readonly mayRetry: boolean } {
  const id = error instanceof Error ? error.name : 'Error';
  return { id, mayRetry: !lasting.has(id) };
}

/** The client of one process: requests without retries of its own (the callers know what may be repeated), bounded in time. */
export class Api {
  readonly sdk: Sdk;
  readonly clock: Clock;
  readonly #client: KinesisClient;
  readonly #timeoutMs: number;
  readonly #running = new Set<AbortController>();
  #isClosed = false;

  constructor(sdk: Sdk, client: KinesisClient, timeoutMs: number, clock: Clock) {
    this.sdk = sdk;
    this.#client = client;
    this.#timeoutMs = timeoutMs;
    this.clock = clock;
  }

  static async open(access: KinesisAccess, clock: Clock): Promise<Api> {
    const sdk = await loadSdk();
    const isPlain = access.endpoint?.startsWith('http:') ?? false;
    const client = new sdk.KinesisClient({
      ...(access.region === undefined ? {} : { region: access.region }),
      ...(access.endpoint === undefined ? {} : { endpoint: access.endpoint }),
      ...(access.credentials === undefined ? {} : { credentials: access.credentials }),
      ...(isPlain ? { requestHandler: await plainHandler() } : {}),
      maxAttempts: 1,
    });
    access.configure?.(client);
    return new Api(sdk, client, access.requestTimeoutMs ?? 10_000, clock);
  }

  /** One request: `call(client, options)` must hand the options to `client.send`. */
  async send<T>(
    call: (client: KinesisClient, options: { abortSignal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    const controller = new AbortController();
    if (this.#isClosed) controller.abort();
    this.#running.add(controller);
    const cancel = this.clock.after(this.#timeoutMs, () => controller.abort());
    try {
      return await call(this.#client, { abortSignal: controller.signal });
    } finally {
      cancel();
      this.#running.delete(controller);
    }
  }

  /** A request without limit of time, for subscriptions; the returned function ends it. */
  open<T>(call: (client: KinesisClient, options: { abortSignal: AbortSignal }) => Promise<T>): {
    readonly answer: Promise<T>;
    readonly end: () => void;
  } {
    const controller = new AbortController();
    this.#running.add(controller);
    const end = (): void => {
      this.#running.delete(controller);
      controller.abort();
    };
    return { answer: call(this.#client, { abortSignal: controller.signal }), end };
  }

  close(): void {
    this.#isClosed = true;
    for (const controller of this.#running) controller.abort();
    this.#client.destroy();
  }
}
