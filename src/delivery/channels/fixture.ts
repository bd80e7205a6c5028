import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../lib/clock.ts';
import type { AlertEvent } from '../../model/alert.ts';
import type { Channel, Notification, Outcome } from '../channel.ts';
import type { TextDeps } from './text.ts';

/** A request as a receiver saw it. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What a receiver answers. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A receiver on loopback that answers as it is told; `seen` grows. */
export async function openReceiver(reply: (seen: Seen) => Reply | undefined) {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url = '', headers } = request;
    const one = { method, path: url, headers, body: Buffer.concat(chunks) };
    seen.push(one);
    const answer = reply(one);
    // Without an answer the receiver hangs.
    if (answer) response.writeHead(answer.status, answer.headers).end(answer.body ?? '');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    close: () => {
      server.closeAllConnections();
      return new Promise<void>((done) => server.close(() => done()));
    },
  };
}

export const sampleEvent = {
  alert: '00112233445566778899aabbccddeeff',
  revision: 1,
  event: 'raised',
  rule: 'chuva',
  hazard: 'rain',
  subject: { kind: 'station', id: 'A801' },
  level: 'red',
  onsetAt: Date.UTC(2024, 4, 2, 19),
  at: Date.UTC(2024, 4, 2, 20),
  issuedAt: Date.UTC(2024, 4, 2, 20),
  evidence: [],
} as AlertEvent;

/** A notification of the sample; its place would be markup, and call everybody, where markup is read. */
export const sample = (more: Partial<Notification> = {}): Notification => ({
  key: `${sampleEvent.alert}.1.api:x`,
  event: sampleEvent,
  body: '{}',
  facts: {
    title: { 'pt-BR': 'Chuvas intensas', en: 'Heavy rain' },
    place: 'São <!channel> *João* & @everyone',
    instruction: { 'pt-BR': 'Saia de áreas baixas.', en: 'Leave low ground.' },
    expiresAt: Date.UTC(2024, 4, 2, 21),
    timeZone: 'America/Sao_Paulo',
  },
  ...more,
});

export const sampleDeps = (more: Partial<TextDeps> = {}): TextDeps => ({
  clock: systemClock,
  environment: 'exercise',
  timeoutMs: 3000,
  ...more,
});

/** Delivers one notification and closes the channel. */
export async function deliver(channel: Channel, notification: Notification): Promise<Outcome> {
  try {
    return await channel.deliver(notification, new AbortController().signal);
  } finally {
    await channel.close();
  }
}
