import { createHash } from 'node:crypto';
import { connect, isIP, type Socket } from 'node:net';
import { createTransport, type SMTPPoolOptions, type Transporter } from 'nodemailer';
import { z } from 'zod';
import { drillMark, headlineText, sentencesOf, textLimits, within } from '../../alerts/message-text.ts';
import { ForbiddenAddress, forbidden, isPublicAddress, pinnedLookup } from '../../lib/address.ts';
import { environmentOf } from '../../model/self-test.ts';
import type { Channel, Notice, Notification, Outcome } from '../channel.ts';
import { hidden, later } from './http.ts';
import { leaveLine, personalKeys, type TextDeps, toldOf } from './text.ts';

const mailbox = z
  .string()
  .max(254)
  .regex(/^[^\s@<>,;:"()[\]\\]+@[A-Za-z0-9.-]+$/, 'an address such as alertas@example.org is expected');

export const emailConfig = z.strictObject({
  kind: z.literal('email'),
  /** The mail server that takes our messages. */
  host: z.string().regex(/^[\w.:-]{1,253}$/),
  port: z.int().min(1).max(65_535).default(587),
  /** `starttls` insists on it, `tls` speaks TLS from the first byte (port 465), `none` is for servers on this machine. */
  security: z.enum(['starttls', 'tls', 'none']).default('starttls'),
  username: z.string().max(300).optional(),
  password: z.string().max(1000).optional(),
  /** PEM of the authority that signed the server's certificate. */
  ca: z.string().optional(),
  from: mailbox,
  /** The name beside `from`. */
  name: z.string().max(100).default('Atalaia'),
  /** Where a receiver unsubscribes, `https:` or `mailto:`; `{address}` stands for theirs. Default: a message to `from`. */
  unsubscribe: z
    .string()
    .max(500)
    .regex(/^(https:\/\/|mailto:)[^\s<>]+$/)
    .optional(),
  /** Connections at a time. */
  connections: z.int().min(1).max(16).default(4),
  ...personalKeys,
});
export type EmailConfig = z.infer<typeof emailConfig>;

const TIMEOUT_MS = 10_000;

type Mail = Parameters<Transporter['sendMail']>[0];
type Write = (to: string) => Mail;

/** A connection that is kept, and the socket under it. */
interface Line {
  readonly transport: Transporter;
  cut(): void;
}

/**
 * A channel of e-mail by SMTP, one message per receiver, over a few connections that are kept. A 4xx answer is tried
 * again, a 5xx to sender, receiver or message is final; what is wrong with the login or the connection is tried again, for
 * the operator can mend it. Delivered means that the server has taken the message (RFC 5321, section 6.1).
 */
export function createEmail(config: EmailConfig, deps: TextDeps): Channel {
  const { environment, timeoutMs = TIMEOUT_MS } = deps;
  const idle: Line[] = [];
  const waiting: (() => void)[] = [];
  let open = 0;
  const release = (line: Line | undefined): void => {
    open -= 1;
    if (line) idle.push(line);
    waiting.shift()?.();
  };
  /** A line by itself, so that a message which was given up can be cut off and is not sent later. */
  const acquire = async (signal: AbortSignal): Promise<Line> => {
    while (open >= config.connections) {
      signal.throwIfAborted();
      await new Promise<void>((go) => {
        const leave = (): void => {
          // Who has given up must not be woken in the place of another.
          if (waiting.includes(go)) waiting.splice(waiting.indexOf(go), 1);
          go();
        };
        waiting.push(go);
        signal.addEventListener('abort', leave, { once: true });
      });
    }
    open += 1;
    return idle.pop() ?? openLine(config, deps, timeoutMs);
  };
  const send = async (address: string | undefined, signal: AbortSignal, message: Write): Promise<Outcome> => {
    const to = mailbox.safeParse(address);
    if (!to.success) return { kind: 'rejected', reason: 'the subscription has no e-mail address' };
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    let line: Line | undefined;
    try {
      line = await acquire(limit);
    } catch {
      return later('no connection to the mail server became free in time');
    }
    const cut = (): void => line?.cut();
    limit.addEventListener('abort', cut, { once: true });
    try {
      if (limit.aborted) throw new Error('aborted');
      const info = await line.transport.sendMail(message(to.data));
      release(line);
      return { kind: 'delivered', receipt: `SMTP ${info.messageId}: ${info.response}`.slice(0, 300) };
    } catch (error) {
      line.cut();
      release(undefined);
      if (limit.aborted) return later(`no answer of the mail server within ${timeoutMs} ms`);
      return hidden(failureOf(error), [config.password]);
    } finally {
      limit.removeEventListener('abort', cut);
    }
  };
  return {
    deliver: (notification, signal) =>
      send(notification.address, signal, (to) => messageOf(notification, to, config, environment)),
    tell: (notice, signal) => send(notice.address, signal, (to) => letterOf(notice, to, config)),
    async close() {
      for (const line of idle.splice(0)) line.cut();
    },
  };
}

function openLine(config: EmailConfig, { resolve }: TextDeps, timeoutMs: number): Line {
  const { host, port, security, username, password, ca, allowPrivate } = config;
  let socket: Socket | undefined;
  const options: SMTPPoolOptions & { pool: true } = {
    ...{ pool: true as const, maxConnections: 1, maxRequeues: 0, host, port },
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    ...{ connectionTimeout: timeoutMs, greetingTimeout: timeoutMs, socketTimeout: timeoutMs },
    ...{ disableFileAccess: true, disableUrlAccess: true },
    tls: { servername: isIP(host) === 0 ? host : '', ...(ca === undefined ? {} : { ca }) },
    ...(username === undefined ? {} : { auth: { user: username, pass: password ?? '' } }),
    getSocket(_, done) {
      if (isIP(host) !== 0 && !allowPrivate && !isPublicAddress(host))
        return done(forbidden(host, host), false);
      const fresh = connect({ host, port, lookup: pinnedLookup(allowPrivate, resolve) });
      socket = fresh;
      const failed = (error: Error): void => done(error, false);
      fresh.once('error', failed);
      fresh.once('connect', () => {
        fresh.off('error', failed);
        done(null, { connection: fresh });
      });
    },
  };
  const transport = createTransport(options);
  // Each message tells of its own failure.
  transport.on('error', () => {});
  const cut = (): void => {
    socket?.destroy();
    transport.close();
  };
  return { transport, cut };
}

function messageOf(
  notification: Notification,
  to: string,
  config: EmailConfig,
  environment: TextDeps['environment'],
) {
  const { key, event } = notification;
  const language = notification.language ?? config.language;
  const told = toldOf(notification);
  const mark = drillMark(environmentOf(event, environment), language);
  const domain = config.from.split('@')[1] as string;
  const away =
    notification.unsubscribe ?? config.unsubscribe?.replaceAll('{address}', encodeURIComponent(to));
  const heading = headlineText(told, language, environment, within(textLimits.email));
  const leave = leaveLine(notification, language);
  const lines = [heading, ...sentencesOf(told, language)];
  const after = [mark, leave].flatMap((line) => line ?? []);
  return {
    from: { name: config.name, address: config.from },
    to,
    subject: headlineText(told, language, environment, within(textLimits.subject)),
    // The same for every repeat of a delivery, by which mail servers know a message again.
    messageId: `<${idOf(key)}@${domain}>`,
    // Revisions of an alert stand together.
    references: [`<${idOf(event.alert)}@${domain}>`],
    text: `${lines.join('\n\n').slice(0, textLimits.email)}${after.map((line) => `\n\n${line}`).join('')}\n`,
    html: htmlOf([...lines, ...after], language),
    headers: {
      'List-Unsubscribe': `<${away ?? `mailto:${config.from}?subject=unsubscribe`}>`,
      ...(away?.startsWith('https:') ? { 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' } : {}),
      'Auto-Submitted': 'auto-generated',
      'Idempotency-Key': idOf(key),
      'Content-Language': language,
    },
    priority: event.level === 'red' ? ('high' as const) : ('normal' as const),
    encoding: 'utf-8',
  };
}

/** A letter that is no alert. */
function letterOf({ key, subject, text, language }: Notice, to: string, config: EmailConfig): Mail {
  return {
    from: { name: config.name, address: config.from },
    to,
    subject,
    messageId: `<${idOf(key)}@${config.from.split('@')[1]}>`,
    text: `${text}\n`,
    headers: { 'Auto-Submitted': 'auto-generated', 'Content-Language': language },
    encoding: 'utf-8',
  };
}

/** A key as the left side of a Message-ID; what is not allowed there is told apart by a hash. */
function idOf(key: string): string {
  const plain = key.replace(/[^\w.-]/g, '-').slice(0, 120);
  return plain === key ? plain : `${plain}.${createHash('sha256').update(key).digest('hex').slice(0, 12)}`;
}

const escaped = (text: string): string => text.replace(/[<>&"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** Words alone: no picture, no style, no link, so that nothing is blocked or fetched. */
function htmlOf([heading = '', ...rest]: readonly string[], language: string): string {
  const paragraphs = rest.map((line) => `<p>${escaped(line)}</p>`);
  return `<!doctype html><html lang="${language}"><body><h1>${escaped(heading)}</h1>${paragraphs.join('')}</body></html>`;
}

/** A 5xx is final where it answers the sender, the receiver or the message. */
function failureOf(error: unknown): Outcome {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
    if (cause instanceof ForbiddenAddress) return { kind: 'rejected', reason: cause.message };
  const { responseCode, command, message } = error as Error & { responseCode?: number; command?: string };
  const reason = `SMTP ${command ?? ''}: ${message}`;
  const isTold = /^(MAIL FROM|RCPT TO|DATA)/i.test(command ?? '');
  if (isTold && (responseCode ?? 0) >= 500) return { kind: 'rejected', reason };
  const isReceivers = /^RCPT TO/i.test(command ?? '') && (responseCode ?? 0) >= 400;
  return { kind: 'retry-later', reason, ...(isReceivers ? { isReceivers } : {}) };
}
