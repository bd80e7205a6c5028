import { Agent, get as getPlain, type IncomingMessage } from 'node:http';
import { get as getSecure, Agent as SecureAgent } from 'node:https';
import { isIP } from 'node:net';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { ForbiddenAddress, forbidden, isPublicAddress, pinnedLookup } from '../../../lib/address.ts';
import { SECOND_MS } from '../../../model/time.ts';

const MAX_REDIRECTS = 5;
const LONGEST_WAIT_MS = 60_000;
/** Answers that another try may change. */
const passing = new Set([408, 425, 429]);
const isRedirect = (status: number): boolean => [301, 302, 303, 307, 308].includes(status);

/** Another try would not change it: the text says what is to be done. */
export class DownloadRefused extends Error {}

/** The service is there and asks for patience. */
export class AskedToWait extends Error {
  readonly waitMs: number;
  constructor(message: string, waitMs: number) {
    super(message);
    this.waitMs = waitMs;
  }
}

export interface DownloadLimits {
  readonly maxBytes: number;
  /** For one try, redirects with it, ms. */
  readonly timeoutMs: number;
  /** Whether servers in private networks and on this machine may be asked. */
  readonly allowPrivate: boolean;
  /** Which addresses may be asked, redirects with them; all that are public unless given. */
  readonly mayAsk?: (url: URL) => boolean;
}

export interface Downloader {
  /** Rejects with DownloadRefused for good, with another error for now. */
  get(url: string, signal: AbortSignal): Promise<Uint8Array>;
  /** As `fetch`, under the same guard: whatever the status is. Time and size are the caller's to bound. */
  readonly fetch: typeof fetch;
  close(): void;
}

/** Gets files over http and https from whoever a message names, so of public addresses alone unless told otherwise. */
export function createDownloader(limits: DownloadLimits): Downloader {
  const settings = { keepAlive: true, maxSockets: 8, maxFreeSockets: 4 };
  const agents = { plain: new Agent(settings), secure: new SecureAgent(settings) };
  const lookup = pinnedLookup(limits.allowPrivate);
  const open = (url: URL, { signal, headers }: Asked): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const isSecure = url.protocol === 'https:';
      const options = { lookup, signal, headers: { 'user-agent': 'atalaia', accept: '*/*', ...headers } };
      const request = isSecure
        ? getSecure(url, { ...options, agent: agents.secure }, resolve)
        : getPlain(url, { ...options, agent: agents.plain }, resolve);
      request.on('error', (error) =>
        reject(error instanceof ForbiddenAddress ? new DownloadRefused(error.message) : error),
      );
    });
  return {
    async get(text, stopping) {
      const late = AbortSignal.timeout(limits.timeoutMs);
      const signal = AbortSignal.any([stopping, late]);
      try {
        const { answer, url } = await follow(text, { signal }, MAX_REDIRECTS);
        return await bodyOf(answer, answer.statusCode ?? 0, url, limits);
      } catch (error) {
        if (!late.aborted || error instanceof DownloadRefused) throw error;
        throw new Error(`${shown(text)} has not answered in full within ${limits.timeoutMs / SECOND_MS} s`);
      }
    },
    async fetch(input, { headers, signal, redirect } = {}) {
      const asked = { signal: signal ?? AbortSignal.timeout(limits.timeoutMs) };
      const own = Object.fromEntries(new Headers(headers));
      const { answer } = await follow(
        String(input),
        { ...asked, headers: own },
        redirect === 'error' ? 0 : MAX_REDIRECTS,
      );
      return responseOf(answer);
    },
    close() {
      agents.plain.destroy();
      agents.secure.destroy();
    },
  };
  async function follow(
    text: string,
    asked: Asked,
    most: number,
  ): Promise<{ readonly answer: IncomingMessage; readonly url: URL }> {
    let url = checked(text, limits);
    for (let redirects = 0; redirects <= most; redirects++) {
      const answer = await open(url, asked);
      const { location } = answer.headers;
      if (!isRedirect(answer.statusCode ?? 0) || location === undefined) return { answer, url };
      answer.destroy();
      url = checked(location, limits, url);
    }
    throw new DownloadRefused(`${shown(text)} sends on more than ${most} times`);
  }
}

interface Asked {
  readonly signal: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
}

function responseOf(answer: IncomingMessage): Response {
  const status = answer.statusCode ?? 0;
  const headers = new Headers();
  for (const [name, value] of Object.entries(answer.headers))
    if (value !== undefined) headers.set(name, String(value));
  if (status === 204 || status === 304) {
    answer.resume();
    return new Response(null, { status, headers });
  }
  const isPacked = headers.get('content-encoding') === 'gzip';
  // A failure of either ends both, and is the reader's to hear.
  const body = isPacked ? pipeline(answer, createGunzip(), () => {}) : answer;
  return new Response(Readable.toWeb(body) as ReadableStream<Uint8Array>, { status, headers });
}

function checked(text: string, { allowPrivate, mayAsk }: DownloadLimits, base?: URL): URL {
  const url = URL.parse(text, base?.href);
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new DownloadRefused(`${shown(text)} is no address of http or https`);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  // A literal address never reaches the lookup.
  if (isIP(host) !== 0 && !allowPrivate && !isPublicAddress(host))
    throw new DownloadRefused(forbidden(host, host).message);
  if (mayAsk?.(url) === false)
    throw new DownloadRefused(`${shown(url.href)} is on a host that may not be asked`);
  return url;
}

async function bodyOf(
  answer: IncomingMessage,
  status: number,
  url: URL,
  { maxBytes }: DownloadLimits,
): Promise<Uint8Array> {
  if (status !== 200) {
    answer.destroy();
    const text = `${shown(url.href)} answers with status ${status}`;
    if (status < 500 && !passing.has(status)) throw new DownloadRefused(text);
    const seconds = Number(answer.headers['retry-after']);
    throw new AskedToWait(text, seconds > 0 ? Math.min(LONGEST_WAIT_MS, seconds * SECOND_MS) : 0);
  }
  const tooLarge = (): DownloadRefused =>
    new DownloadRefused(
      `${shown(url.href)} has over ${maxBytes} bytes; a single message or file is expected`,
    );
  const pieces: Uint8Array[] = [];
  let size = 0;
  if (Number(answer.headers['content-length']) > maxBytes) {
    answer.destroy();
    throw tooLarge();
  }
  // Leaving the loop early ends the connection.
  for await (const piece of answer as AsyncIterable<Uint8Array>) {
    size += piece.byteLength;
    if (size > maxBytes) throw tooLarge();
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

const shown = (text: string): string => text.slice(0, 200);
