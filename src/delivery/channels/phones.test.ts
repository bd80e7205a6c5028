import { afterEach, expect, test } from 'vitest';
import { capPushConfig, createCapPush } from './cap.ts';
import { deliver, openReceiver, type Reply, sample, sampleDeps, sampleEvent } from './fixture.ts';
import { createSms, smsConfig } from './sms.ts';
import { createWhatsapp, whatsappConfig } from './whatsapp.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
async function receiver(reply: Reply) {
  const opened = await openReceiver(() => reply);
  closers.push(opened.close);
  return opened;
}
const PHONE = '+5551999998888';
const place = { facts: { ...sample().facts, place: 'São "João"\n& Cia' } } as Partial<
  ReturnType<typeof sample>
>;

test('sms: the form of any gateway, and no text can break out of it', async () => {
  const { url, seen } = await receiver({ status: 202, body: '{"id":"m-1"}' });
  const sms = async (more: object) =>
    deliver(
      createSms(
        smsConfig.parse({ kind: 'sms', url: `${url}/send`, allowPrivate: true, ...more }),
        sampleDeps(),
      ),
      sample({ address: PHONE, ...place }),
    );
  const text =
    'EXERCICIO: Grande perigo: Chuvas intensas, Sao "Joao" & Cia. Até 02/05 18:00. Saia de areas baixas.';
  expect(await sms({ headers: { Authorization: 'Bearer hush-hush' } })).toEqual({
    ...{ kind: 'delivered', receipt: 'SMS in 1 parts, HTTP 202: {"id":"m-1"}' },
  });
  expect(JSON.parse(seen[0]?.body.toString() ?? '')).toEqual({ to: PHONE, text, id: sample().key });
  expect(seen[0]?.headers.authorization).toBe('Bearer hush-hush');
  await sms({
    contentType: 'application/x-www-form-urlencoded',
    body: 'to={number}&msg={text}&n={segments}',
  });
  expect(Object.fromEntries(new URLSearchParams(seen[1]?.body.toString()))).toEqual({
    ...{ to: PHONE.slice(1), msg: text, n: '1' },
  });
  await sms({ contentType: 'text/xml', body: '<sms to="{to}">{text}</sms>' });
  expect(seen[2]?.body.toString()).toContain('Sao &#34;Joao&#34; &#38; Cia');
  await sms({ method: 'GET', url: `${url}/send?to={to}&q={text}&key=hush-hush` });
  expect(Object.fromEntries(new URL(seen[3]?.path ?? '', url).searchParams)).toMatchObject({
    to: PHONE,
    q: text,
  });
  expect(seen[3]?.body.length).toBe(0);
  await sms({ unicode: true, segments: 1 });
  expect(JSON.parse(seen[4]?.body.toString() ?? '').text).toMatch(/^EXERCÍCIO: .{1,59}$/);
});

test('sms: a gateway that repeats its password, one that has a rate, and what is no number', async () => {
  const { url } = await receiver({ status: 429, headers: { 'retry-after': '5' } });
  const config = smsConfig.parse({ kind: 'sms', url: `${url}/s?key=hush-hush`, allowPrivate: true });
  expect(await deliver(createSms(config, sampleDeps()), sample({ address: PHONE }))).toMatchObject({
    ...{ kind: 'retry-later', afterMs: 5000 },
  });
  expect(await deliver(createSms(config, sampleDeps()), sample({ address: '190' }))).toMatchObject({
    kind: 'rejected',
  });
  const echo = await receiver({ status: 200, body: 'accepted for key=hush-hush' });
  const echoed = smsConfig.parse({ kind: 'sms', url: `${echo.url}/s?key=hush-hush`, allowPrivate: true });
  const outcome = await deliver(createSms(echoed, sampleDeps()), sample({ address: PHONE }));
  expect(outcome).toMatchObject({ kind: 'delivered', receipt: expect.stringContaining('key=[secret]') });
  const isGood = (more: object): boolean =>
    smsConfig.safeParse({ kind: 'sms', url: 'https://x.example/', ...more }).success;
  expect([
    isGood({}),
    isGood({ body: '{nothing}' }),
    isGood({ body: 'no text' }),
    isGood({ url: 'https://{to}/' }),
  ]).toEqual([...[true, false, false, false]]);
});

test('whatsapp: a template message, in drills the template of drills, and what its errors mean', async () => {
  const token = 'EAAG-hush-hush-hush-hush';
  const given = {
    kind: 'whatsapp',
    token,
    phoneNumberId: '10655500',
    template: 'alerta',
    allowPrivate: true,
  };
  const send = async (
    reply: Reply,
    environment: 'actual' | 'exercise' = 'exercise',
    more: object = { drillTemplate: 'alerta_exercicio' },
  ) => {
    const { url, seen } = await receiver(reply);
    const config = whatsappConfig.parse({ ...given, url, parameters: ['headline', 'text'], ...more });
    const outcome = await deliver(
      createWhatsapp(config, sampleDeps({ environment })),
      sample({ address: PHONE, ...place }),
    );
    return { outcome, seen: seen[0] };
  };
  const accepted = {
    status: 200,
    body: JSON.stringify({ messaging_product: 'whatsapp', messages: [{ id: 'wamid.x' }] }),
  };
  const { outcome, seen } = await send(accepted);
  expect(outcome).toEqual({ kind: 'delivered', receipt: 'WhatsApp wamid.x' });
  expect(seen).toMatchObject({
    path: '/v23.0/10655500/messages',
    headers: { authorization: `Bearer ${token}` },
  });
  const body = JSON.parse(seen?.body.toString() ?? '');
  expect(body).toMatchObject({ messaging_product: 'whatsapp', to: PHONE.slice(1), type: 'template' });
  expect(body.template).toMatchObject({ name: 'alerta_exercicio', language: { code: 'pt_BR' } });
  const texts = body.template.components[0].parameters.map(({ text }: { text: string }) => text);
  expect(texts).toHaveLength(2);
  for (const text of texts) expect(text).toMatch(/^EXERCÍCIO: Grande perigo: [^\n]*$/);
  expect(JSON.parse((await send(accepted, 'actual')).seen?.body.toString() ?? '').template.name).toBe(
    'alerta',
  );
  // Without a template of drills nothing leaves.
  const none = await send(accepted, 'exercise', {});
  expect([none.outcome.kind, none.seen]).toEqual(['rejected', undefined]);
  const error = async (status: number, code: number) =>
    (await send({ status, body: JSON.stringify({ error: { code, message: `(#${code}) ${token}` } }) }))
      .outcome;
  expect(await error(400, 131056)).toMatchObject({ kind: 'retry-later', afterMs: 6000 });
  expect(await error(400, 130429)).toMatchObject({ kind: 'retry-later' });
  expect(await error(401, 190)).toMatchObject({ kind: 'retry-later' });
  expect(await error(400, 131026)).toEqual({
    kind: 'rejected',
    reason: 'WhatsApp 131026: (#131026) [secret]',
  });
  expect(await error(404, 132001)).toMatchObject({ kind: 'rejected' });
});

test('cap: the message as it was published, to receivers of CAP', async () => {
  const { url, seen } = await receiver({ status: 200 });
  const xml = '<?xml version="1.0"?><alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"/>';
  const config = capPushConfig.parse({
    kind: 'cap',
    url: `${url}/in`,
    token: 'hush-hush',
    allowPrivate: true,
  });
  const cap = async (alert: string, revision: number) =>
    revision === 1 ? `${xml}<!--${alert}-->` : undefined;
  const post = (more: object) => deliver(createCapPush(config, { ...sampleDeps(), cap }), sample(more));
  expect(await post({})).toMatchObject({ kind: 'delivered' });
  expect(seen[0]).toMatchObject({
    path: '/in',
    headers: { 'content-type': 'application/cap+xml', authorization: 'Bearer hush-hush' },
  });
  expect(seen[0]?.body.toString()).toBe(`${xml}<!--${sampleEvent.alert}-->`);
  expect(await post({ companions: [sampleEvent, { ...sampleEvent, alert: 'other' }] })).toMatchObject({
    kind: 'delivered',
  });
  expect(seen.slice(1).map(({ body }) => body.toString().slice(xml.length))).toEqual([
    ...[`<!--${sampleEvent.alert}-->`, '<!--other-->'],
  ]);
  // The token is for our receiver alone.
  const other = await receiver({ status: 201 });
  expect(await post({ address: other.url })).toMatchObject({ kind: 'delivered' });
  expect(other.seen[0]?.headers.authorization).toBeUndefined();
  const ended = { ...sampleEvent, revision: 2, event: 'ended', endReason: 'expired' } as const;
  expect(await post({ event: ended })).toMatchObject({ kind: 'delivered' });
  expect(await post({ event: { ...sampleEvent, revision: 2 } })).toMatchObject({ kind: 'rejected' });
  expect(seen).toHaveLength(3);
});
