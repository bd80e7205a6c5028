import type { PublishCommandInput, SNSClient } from '@aws-sdk/client-sns';
import { z } from 'zod';
import { smsText } from '../../alerts/message-text.ts';
import { AtalaiaError } from '../../lib/errors.ts';
import { languages } from '../../model/language.ts';
import { environmentOf } from '../../model/self-test.ts';
import type { Channel, Notification, Outcome } from '../channel.ts';
import { PHONE, toldOf } from './text.ts';

export const snsConfig = z
  .strictObject({
    kind: z.literal('sns'),
    /** The topic that takes the alert event as JSON. A subscription whose address is a telephone number gets a text message instead. */
    topic: z
      .string()
      .regex(
        /^arn:aws[\w-]*:sns:[\w-]+:\d{12}:[\w-]{1,256}(\.fifo)?$/,
        'a topic such as arn:aws:sns:sa-east-1:123456789012:alerts is expected',
      )
      .optional(),
    /** Who a text message comes from, where the country allows a name. */
    senderId: z
      .string()
      .regex(/^(?=.*[A-Za-z])[A-Za-z0-9]{1,11}$/, 'up to 11 letters and digits are expected')
      .optional(),
    language: z.enum(languages).default('pt-BR'),
    /** Parts that one text message may take, each of which is paid for. */
    segments: z.int().min(1).max(6).default(1),
    region: z.string().optional(),
    /** Another address than AWS's own. */
    endpoint: z.string().optional(),
  })
  .readonly();
export type SnsConfig = z.infer<typeof snsConfig>;

export interface SnsDeps {
  /** Everything but `actual` is said at the beginning of a text message: a drill stays a drill. */
  readonly environment: 'actual' | 'exercise' | 'test';
}

type Sdk = typeof import('@aws-sdk/client-sns');

const TIMEOUT_MS = 10_000;
/** Answers that another try will not change: what was sent is wrong, or the person has asked for no more messages. */
const lasting = new Set(['InvalidParameter', 'InvalidParameterValue', 'ValidationException', 'OptedOut']);

/**
 * A channel of Amazon SNS: the alert event as JSON to a topic, or a text message to the subscription's telephone number.
 * A FIFO topic drops repeats of five minutes by the delivery's key, in order per alert; a standard topic and text
 * messages know no such key. Throws ATL_CONFIG when the client is not installed.
 */
export function createSns(config: SnsConfig, { environment }: SnsDeps): Channel {
  try {
    import.meta.resolve('@aws-sdk/client-sns');
  } catch (cause) {
    throw new AtalaiaError(
      'ATL_CONFIG',
      'A channel is of kind sns, but its client is not installed. Run `npm install @aws-sdk/client-sns@3`.',
      { cause },
    );
  }
  let opened: Promise<{ sdk: Sdk; client: SNSClient }> | undefined;
  return {
    async deliver(notification, signal) {
      const input = inputOf(notification, config, environment);
      if (typeof input === 'string') return { kind: 'rejected', reason: input };
      opened ??= open(config);
      const { sdk, client } = await opened;
      const abortSignal = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
      try {
        const { MessageId } = await client.send(new sdk.PublishCommand(input), { abortSignal });
        return { kind: 'delivered', receipt: `SNS ${MessageId}` };
      } catch (error) {
        return failureOf(error);
      }
    },
    async close() {
      (await opened)?.client.destroy();
    },
  };
}

async function open({ region, endpoint }: SnsConfig): Promise<{ sdk: Sdk; client: SNSClient }> {
  const sdk = await import('@aws-sdk/client-sns');
  const client = new sdk.SNSClient({
    // The dispatcher repeats, with back-off and in its own order.
    maxAttempts: 1,
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
  });
  return { sdk, client };
}

/** The request, or why there can be none. */
function inputOf(
  notification: Notification,
  { topic, senderId, language, segments }: SnsConfig,
  environment: SnsDeps['environment'],
): PublishCommandInput | string {
  const text = (StringValue: string) => ({ DataType: 'String', StringValue });
  const { key, event, body, address, isDraft } = notification;
  if (address !== undefined) {
    if (!PHONE.test(address)) return `"${address}" is no telephone number such as +5551999998888`;
    return {
      PhoneNumber: address,
      Message: smsText(toldOf(notification), notification.language ?? language, environment, segments),
      MessageAttributes: {
        'AWS.SNS.SMS.SMSType': text('Transactional'),
        ...(senderId === undefined ? {} : { 'AWS.SNS.SMS.SenderID': text(senderId) }),
      },
    };
  }
  if (topic === undefined) return 'the channel has no topic and the subscription no telephone number';
  return {
    TopicArn: topic,
    Message: body,
    // Subscribers of the topic filter by these.
    MessageAttributes: {
      environment: text(environmentOf(event, environment)),
      event: text(event.event),
      level: text(event.level),
      rule: text(event.rule),
      hazard: text(event.hazard),
      ...(isDraft ? { draft: text('true') } : {}),
      idempotencyKey: text(key),
    },
    ...(topic.endsWith('.fifo') ? { MessageGroupId: event.alert, MessageDeduplicationId: key } : {}),
  };
}

function failureOf(error: unknown): Outcome {
  const name = error instanceof Error ? error.name : 'Error';
  const reason = `SNS: ${name}${error instanceof Error && error.message ? `: ${error.message}` : ''}`;
  return lasting.has(name.replace(/Exception$/, '')) || lasting.has(name)
    ? { kind: 'rejected', reason }
    : { kind: 'retry-later', reason };
}
