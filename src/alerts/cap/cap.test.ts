import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { AlertRevision, EndReason } from '../../model/alert.ts';
import type { Rule } from '../../model/rule.ts';
import type { Station } from '../../model/station.ts';
import { type CapInput, capMessage, type EarlierMessage } from './emit.ts';
import { atomFeed, etag, feedEntry, rssFeed } from './feed.ts';
import { openCapGate } from './gate.ts';
import { capTime } from './message.ts';
import { serializeCap } from './serialize.ts';

const gate = await openCapGate();
const T0 = Date.UTC(2024, 3, 30, 6);
const HOUR = 3_600_000;

const rule: Rule = {
  name: 'chuva-intensa',
  title: { 'pt-BR': 'Chuvas intensas', en: 'Heavy rain' },
  hazard: 'rain',
  subject: 'station',
  levels: [],
  clear: null,
  coverage: 0.8,
  expiresMs: 6 * HOUR,
  area: { kind: 'radius', km: 15 },
  cap: { urgency: 'Immediate', certainty: 'Observed', responseType: 'Prepare' },
  instruction: { 'pt-BR': 'Fique em lugar seguro.', en: 'Stay in a safe place.' },
};
const station: Station = {
  id: 'A801',
  name: 'Porto Alegre',
  latitude: -30.0536,
  longitude: -51.1747,
  altitude: 41,
  region: '4314902',
  timeZone: 'America/Sao_Paulo',
  intervalMs: HOUR,
};
const revision = (
  n: number,
  event: AlertRevision['event']['event'],
  endReason?: EndReason,
): AlertRevision => ({
  event: {
    alert: '0123456789abcdef0123456789abcdef',
    revision: n,
    event,
    ...(endReason ? { endReason } : {}),
    rule: rule.name,
    hazard: 'rain',
    subject: { kind: 'station', id: 'A801' },
    level: 'red',
    onsetAt: T0,
    at: T0 + n * HOUR,
    issuedAt: T0 + n * HOUR,
    evidence: [
      {
        expression: 'sum(rainfall, 24h) > 100 mm',
        value: 120.8,
        unit: 'mm',
        threshold: 100,
        from: T0 - 24 * HOUR,
        to: T0,
        coverage: 1,
        observations: 24,
      },
    ],
  },
  ruleSet: 'x',
  expiresAt: T0 + (n + 6) * HOUR,
  unverified: event === 'unverified',
  levelSinceAt: T0,
});
const input = (
  r: AlertRevision,
  earlier: readonly EarlierMessage[] = [],
  more: Partial<CapInput> = {},
): CapInput => ({
  revision: r,
  rule,
  station,
  environment: 'actual',
  serverId: 'poa-1',
  sender: 'alerta@defesacivil.example.gov.br',
  senderName: 'Defesa Civil',
  earlier,
  hazard: {
    capCategory: 'Met',
    event: { 'pt-BR': 'Chuvas intensas', en: 'Heavy rain' },
    eventCode: { valueName: 'COBRADE', value: '1.3.2.1.4' },
    meteoalarm: { number: 10, name: 'Rain' },
  },
  ...more,
});

it('what a person changed stands in the message, and the message is valid', () => {
  const text = 'Saiam da margem <já> \u0001& agora.';
  const ring = [
    [-30, -51.2],
    [-30, -51],
    [-30.2, -51],
  ] as const;
  const messages = [{ polygon: ring, name: 'Ilhas' }, { radiusKm: 30 }].map((area) => {
    const out = capMessage(input({ ...revision(2, 'updated'), text, area }));
    if (!out) throw new Error('no message');
    expect(gate.check(serializeCap(out.message))).toEqual([]);
    return out.message;
  });
  expect(messages[0]?.info.map(({ instruction }) => instruction)).toEqual([text, text]);
  expect(messages[0]?.info[0]?.area).toEqual([
    {
      areaDesc: 'Ilhas',
      polygon: ['-30.0000,-51.2000 -30.0000,-51.0000 -30.2000,-51.0000 -30.0000,-51.2000'],
      circle: [],
      geocode: [],
    },
  ]);
  expect(messages[1]?.info[0]?.area[0]?.circle).toEqual(['-30.0536,-51.1747 30']);
});

it('a whole chain is valid: Alert, Update, Update with AllClear, Cancel', () => {
  const steps = [
    revision(1, 'raised'),
    revision(2, 'escalated'),
    revision(3, 'ended', 'cleared'),
    revision(4, 'ended', 'cancelled'),
  ];
  const earlier: EarlierMessage[] = [];
  const xmls = steps.map((step) => {
    const out = capMessage(input(step, [...earlier]));
    if (!out) throw new Error('no message');
    earlier.push(out);
    const xml = serializeCap(out.message);
    expect(gate.check(xml)).toEqual([]);
    return { out, xml };
  });
  expect(xmls.map(({ out }) => out.message.msgType)).toEqual(['Alert', 'Update', 'Update', 'Cancel']);
  expect(xmls[2]?.xml).toContain('<responseType>AllClear</responseType>');
  expect(xmls[2]?.xml).toContain('<urgency>Past</urgency>');
  expect(xmls[3]?.out.message.references).toBe(
    earlier
      .slice(0, 3)
      .map((one) => `alerta@defesacivil.example.gov.br,${one.identifier},${one.sentText}`)
      .join(' '),
  );
  expect(xmls[0]?.xml).toContain('<sent>2024-04-30T04:00:00-03:00</sent>');
  expect(xmls[0]?.xml).toContain('120,8 mm');
  expect(xmls[0]?.xml).toContain('120.8 mm');
  expect(xmls[0]?.xml).toContain('<valueName>IBGE</valueName><value>4314902</value>');
});

it('only unexpired messages are referenced, and a natural expiry sends none', () => {
  const old = { identifier: 'old', sentText: '2024-04-29T00:00:00-03:00', expiresAt: T0 };
  const open = { identifier: 'open', sentText: '2024-04-30T03:30:00-03:00', expiresAt: T0 + 9 * HOUR };
  expect(capMessage(input(revision(3, 'updated'), [old, open]))?.message.references).toBe(
    'alerta@defesacivil.example.gov.br,open,2024-04-30T03:30:00-03:00',
  );
  expect(capMessage(input(revision(3, 'ended', 'expired'), [open]))).toBeUndefined();
  expect(capMessage(input(revision(3, 'ended', 'cancelled'), []))).toBeUndefined();
});

it('a false alarm says so in the first words of every text, in both languages', () => {
  const correction = { 'pt-BR': 'Alarme falso: não há perigo.', en: 'False alarm: there is no danger.' };
  const act = { command: 'c', act: 'cancel', by: 'Ana', correction } as const;
  const open = { identifier: 'open', sentText: '2024-04-30T03:30:00-03:00', expiresAt: T0 + 9 * HOUR };
  const out = capMessage(input({ ...revision(2, 'ended', 'cancelled'), act }, [open]));
  if (!out) throw new Error('no message');
  expect(gate.check(serializeCap(out.message))).toEqual([]);
  expect(out.message.msgType).toBe('Cancel');
  expect(out.message.note).toBe(`${correction['pt-BR']} / ${correction.en}`);
  expect(out.message.info.map(({ headline, description }) => [headline, description])).toEqual([
    [expect.stringMatching(/^Alarme falso – Cancelado: /), expect.stringMatching(/^Alarme falso: não há/)],
    [expect.stringMatching(/^False alarm – Cancelled: /), expect.stringMatching(/^False alarm: there is/)],
  ]);
});

it('an exercise says so at the beginning and the end of every text', () => {
  const out = capMessage(input(revision(1, 'raised'), [], { environment: 'exercise' }));
  expect(out?.message.status).toBe('Exercise');
  expect(out?.identifier).toContain('exercise');
  for (const [info, word] of [
    [out?.message.info[0], 'EXERCÍCIO'],
    [out?.message.info[1], 'EXERCISE'],
  ] as const) {
    expect(info?.headline?.startsWith(word)).toBe(true);
    for (const text of [info?.description, info?.instruction]) {
      expect(text?.startsWith(word)).toBe(true);
      expect(text?.endsWith(`${word}.`)).toBe(true);
    }
  }
});

it('no text of an exercise or a test leaves without its mark, whatever a person wrote', () => {
  const correction = { 'pt-BR': 'Alarme falso.', en: 'False alarm.' };
  const act = { command: 'c', act: 'cancel', by: 'Ana', correction } as const;
  const earlier = [{ identifier: 'o', sentText: '2024-04-30T03:30:00-03:00', expiresAt: T0 + 9 * HOUR }];
  const revisions = [
    { ...revision(2, 'updated'), text: 'Saiam.' },
    { ...revision(2, 'ended', 'cancelled'), act },
    revision(2, 'ended', 'cleared'),
    { ...revision(2, 'unverified'), unverified: true },
  ];
  for (const [environment, status, marks] of [
    ['exercise', 'Exercise', ['EXERCÍCIO', 'EXERCISE']],
    ['test', 'Test', ['TESTE', 'TEST']],
  ] as const)
    for (const one of revisions) {
      const message = capMessage(input(one, earlier, { environment }))?.message;
      expect(message?.status).toBe(status);
      if (message?.note) expect(message.note).toMatch(new RegExp(`^${marks.join(' / ')}: `));
      for (const [i, mark] of marks.entries()) {
        const { headline, description, instruction } = message?.info[i] ?? {};
        const texts = [headline, description, ...(instruction === undefined ? [] : [instruction])];
        for (const text of texts) expect(text?.startsWith(mark), text).toBe(true);
      }
    }
});

it('an area stands as the surroundings of its stations, by its own name', () => {
  const base = revision(1, 'raised');
  const r: AlertRevision = {
    ...base,
    event: { ...base.event, subject: { kind: 'area', id: '4314902' } },
  };
  const out = capMessage(
    input(r, [], {
      rule: { ...rule, area: { kind: 'region' } },
      station: { ...station, id: '4314902', name: 'Porto Alegre' },
      stations: [station, { ...station, latitude: -30.2 }],
    }),
  );
  const xml = serializeCap(out?.message as NonNullable<typeof out>['message']);
  expect(gate.check(xml)).toEqual([]);
  expect(out?.message.info[0]?.area[0]).toMatchObject({
    areaDesc: 'Porto Alegre',
    circle: [expect.stringMatching(/ 10$/), '-30.2000,-51.1747 10'],
    geocode: [{ valueName: 'IBGE', value: '4314902' }],
  });
  expect(out?.message.info[0]?.description).toMatch(/^Área Porto Alegre \(4314902\)\./);
});

it('times carry the offset of the place, UTC as -00:00', () => {
  expect(capTime(T0 + 999, 'America/Noronha')).toBe('2024-04-30T04:00:00-02:00');
  expect(capTime(T0, 'Asia/Kathmandu')).toBe('2024-04-30T11:45:00+05:45');
  expect(capTime(T0, 'UTC')).toBe('2024-04-30T06:00:00-00:00');
  expect(capTime(T0, 'Mars/Base')).toBe('2024-04-30T06:00:00-00:00');
});

const text = fc.string({ unit: 'binary', maxLength: 200 });
const texts = fc.record({ 'pt-BR': text, en: text });
const anyInput = fc.record({
  n: fc.integer({ min: 1, max: 99 }),
  event: fc.constantFrom(
    'raised' as const,
    'escalated' as const,
    'de-escalated' as const,
    'unverified' as const,
    'ended' as const,
  ),
  reason: fc.constantFrom<EndReason>('cleared', 'cancelled', 'withdrawn', 'merged', 'expired'),
  level: fc.constantFrom('yellow' as const, 'orange' as const, 'red' as const),
  issuedAt: fc.integer({ min: 0, max: 4e12 }),
  life: fc.integer({ min: -HOUR, max: 72 * HOUR }),
  latitude: fc.double({ min: -90, max: 90, noNaN: true }),
  longitude: fc.double({ min: -180, max: 180, noNaN: true }),
  km: fc.double({ min: 0, max: 500, noNaN: true }),
  timeZone: fc.constantFrom(
    'America/Sao_Paulo',
    'America/Rio_Branco',
    'UTC',
    'Europe/London',
    'Asia/Kathmandu',
    'Nowhere/None',
  ),
  environment: fc.constantFrom('actual' as const, 'exercise' as const, 'test' as const),
  kind: fc.constantFrom('radius' as const, 'region' as const, 'named' as const),
  value: fc.oneof(fc.constant(undefined), fc.double({ min: -1e6, max: 1e6, noNaN: true })),
  name: text,
  title: texts,
  instruction: texts,
  expression: text,
  serverId: text,
  region: fc.oneof(text, fc.constant('4314902')),
});

it('2,000 random alerts are all valid and rule-clean, none with Z in a time', () => {
  fc.assert(
    fc.property(anyInput, (x) => {
      const base = revision(x.n, x.event, x.event === 'ended' ? x.reason : undefined);
      const r: AlertRevision = {
        ...base,
        expiresAt: x.issuedAt + x.life,
        event: {
          ...base.event,
          level: x.level,
          issuedAt: x.issuedAt,
          onsetAt: x.issuedAt - HOUR,
          evidence: [
            {
              expression: x.expression,
              ...(x.value === undefined ? {} : { value: x.value }),
              unit: 'mm',
              threshold: 1,
              from: 0,
              to: 1,
              coverage: 0.5,
              observations: 1,
            },
          ],
        },
      };
      const area: Rule['area'] =
        x.kind === 'radius'
          ? { kind: 'radius', km: x.km }
          : x.kind === 'named'
            ? { kind: 'named', name: x.name }
            : { kind: 'region' };
      const earlier =
        x.n === 1
          ? []
          : [
              {
                identifier: 'e.1',
                sentText: capTime(x.issuedAt - HOUR, x.timeZone),
                expiresAt: x.issuedAt + x.life,
              },
            ];
      const out = capMessage(
        input(r, earlier, {
          rule: { ...rule, area, title: x.title, instruction: x.instruction },
          environment: x.environment,
          serverId: x.serverId,
          station: {
            ...station,
            name: x.name,
            latitude: x.latitude,
            longitude: x.longitude,
            region: x.region,
            timeZone: x.timeZone,
          },
        }),
      );
      if (x.event === 'ended' && (x.reason === 'expired' || x.n === 1)) {
        expect(out).toBeUndefined();
        return;
      }
      if (!out) throw new Error('no message');
      const xml = serializeCap(out.message);
      expect(gate.check(xml)).toEqual([]);
      expect(/<(sent|effective|onset|expires)>[^<]*Z</.test(xml)).toBe(false);
      expect(out.message.info.every((info) => (info.headline ?? '').length <= 160)).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

it('what the gate refuses is named', () => {
  const good = serializeCap(capMessage(input(revision(1, 'raised')))?.message as never);
  const broken: [string, string, string][] = [
    ['<status>Actual</status>', '<status>actual</status>', 'schema'],
    ['<msgType>Alert</msgType>', '<msgType>Update</msgType>', 'without references'],
    ['<identifier>atalaia.', '<identifier>atalaia ,', 'identifier'],
    ['<sent>2024-04-30T04:00:00-03:00', '<sent>2024-04-30T07:00:00Z', 'schema'],
    ['<expires>2024-04-30T10', '<expires>2024-04-29T10', 'not after sent'],
    ['<polygon>-', '<polygon>-1', 'polygon'],
  ];
  for (const [from, to, problem] of broken) {
    expect(good).toContain(from);
    expect(gate.check(good.replace(from, to)).join('\n')).toContain(problem);
  }
  expect(gate.check('<alert')[0]).toContain('XML');
  expect(gate.check(`<!DOCTYPE alert>${good.slice(good.indexOf('<alert'))}`)).toEqual([
    'XML: a DOCTYPE is refused',
  ]);
});

it('feeds list the newest first, stay under 100 kB and are well-formed', () => {
  const rows = Array.from({ length: 200 }, (_, i) => {
    const out = capMessage(
      input(
        revision(i + 1, 'updated'),
        i === 0 ? [] : [{ identifier: 'e', sentText: capTime(T0, 'UTC'), expiresAt: 9e12 }],
        { senderName: 'A & B' },
      ),
    );
    if (!out) throw new Error('no message');
    return {
      alert: out.message.incidents as string,
      revision: i + 1,
      identifier: out.identifier,
      sentText: out.sentText,
      xml: serializeCap(out.message),
    };
  });
  const meta = {
    title: 'Avisos & alertas',
    author: 'Defesa Civil',
    baseUrl: 'http://127.0.0.1:8080',
    updatedAt: T0,
    next: (shown: number) => `?before=${shown}`,
  };
  rows.reverse();
  for (const body of [
    atomFeed(
      rows.map((row) => feedEntry(row)),
      meta,
    ),
    rssFeed(
      rows.map((row) => feedEntry(row)),
      meta,
    ),
  ]) {
    expect(Buffer.byteLength(body)).toBeLessThanOrEqual(100_000);
    expect(body.indexOf('revision=200')).toBeLessThan(body.indexOf('revision=199'));
    const shown = body.match(/cap\.xml\?revision=\d+/g) ?? [];
    expect(body).toContain(
      `rel="next" href="http://127.0.0.1:8080/cap/feed.${body.includes('<rss') ? 'rss' : 'atom'}?before=${new Set(shown).size}"`,
    );
    expect(body).toContain('<cap:severity>Extreme</cap:severity>');
    expect(body).toContain('Grande perigo: Chuvas intensas, Porto Alegre');
    // Well-formed: the gate then complains of the schema, not of the XML.
    expect(gate.check(body)[0]).toContain('schema');
    expect(etag(body)).toMatch(/^"[0-9a-f]{32}"$/);
  }
  expect(gate.check(atomFeed([], meta))[0]).toContain('schema');
});

const corpus = new URL('../../../../shared/data/cap/', import.meta.url);
it.skipIf(!existsSync(corpus))(
  'the valid CAP 1.2 files of the corpus pass (skipped where the corpus is not there)',
  () => {
    const made = readdirSync(new URL('valid/', corpus))
      .filter((name) => /^made_v0[1-5]/.test(name))
      .map((name) => `valid/${name}`);
    const listed = readFileSync(new URL('index.tsv', corpus), 'utf8')
      .split('\n')
      .map((line) => line.split('\t'))
      .filter(
        ([file, , version, , , , , , , , verdict]) =>
          file?.startsWith('valid/') && version === '1.2' && verdict === 'accept',
      )
      .map(([file]) => file as string);
    expect(made.length).toBe(5);
    const failed = [...new Set([...made, ...listed])]
      .map((name) => [name, gate.check(readFileSync(new URL(name, corpus)))] as const)
      .filter(([, problems]) => problems.length > 0);
    expect(failed).toEqual([]);
  },
);

it('of a municipality whose border is known the message carries the border, in place of circles', async () => {
  const border = {
    id: '4314902',
    name: 'Porto Alegre',
    polygons: [
      [
        [-30.2, -51.3],
        [-30.2, -51.01234],
        [-29.9, -51.1],
        [-30.2, -51.3],
      ],
    ],
  } as const;
  const regional: Rule = { ...rule, area: { kind: 'region' } };
  const place = { ...station, id: '4314902', region: '4314902' };
  const of = (more: Partial<CapInput>): string =>
    serializeCap(
      capMessage(
        input(revision(1, 'raised'), [], { rule: regional, station: place, stations: [station], ...more }),
      )?.message as never,
    );
  expect(of({})).toContain('<circle>');
  const xml = of({ border, municipality: { code: border.id, name: border.name } });
  expect(xml).toContain(
    '<area><areaDesc>Porto Alegre</areaDesc><polygon>-30.20000,-51.30000 -30.20000,-51.01234 -29.90000,-51.10000 -30.20000,-51.30000</polygon><geocode>',
  );
  expect(xml).not.toContain('<circle>');
  expect((await openCapGate()).check(xml)).toEqual([]);
});

it('what a forecast says is likely, never observed, and its texts say so', () => {
  const base = revision(1, 'raised');
  const forecast = { issuer: 'gfs', issuedAt: T0 };
  const evidence = base.event.evidence.map((one) => ({
    ...one,
    expression: 'max(forecast(rainfall, 6h)) >= 40 mm',
    forecast,
  }));
  const expected = capMessage(
    input({ ...base, event: { ...base.event, forecast: true, evidence } }),
  )?.message;
  expect(expected?.info.map(({ certainty }) => certainty)).toEqual(['Likely', 'Likely']);
  for (const [i, word] of ['previsto', 'forecast'].entries()) {
    expect(expected?.info[i]?.headline).toContain(`(${word})`);
    expect(expected?.info[i]?.description).toContain(`${word}`);
  }
  expect(capMessage(input(base))?.message.info[0]?.certainty).toBe('Observed');
});
