import { execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openCapGate } from '../../src/alerts/cap/gate.ts';
import { openCapReader } from '../../src/alerts/cap/read/reader.ts';
import { verifyCap } from '../../src/alerts/cap/read/verify.ts';
import { serializeCap } from '../../src/alerts/cap/serialize.ts';
import { signCap } from '../../src/alerts/cap/sign.ts';
import { CapPublisher } from '../../src/app/cap/publisher.ts';
import { openCapSigner } from '../../src/app/cap/signer.ts';
import { CapSigning } from '../../src/app/cap/signing.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { AlertRevision } from '../../src/model/alert.ts';
import { commitAll } from '../../src/store/ledger/sample.ts';
import { openSqliteLedger } from '../../src/store/ledger/sqlite/ledger.ts';
import { Bench, hourRule, rain, station } from '../../src/stream/fixture.ts';

const has = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;
const missing = ['openssl', 'xmlsec1'].filter((program) => !has(program));
const reader = openCapReader(readFileSync(new URL('../../src/alerts/cap/CAP-v1.2.xsd', import.meta.url)));
const xml = serializeCap({
  identifier: 'a.1',
  sender: 'x@example.org',
  sent: '2026-01-15T14:03:00-03:00',
  status: 'Actual',
  msgType: 'Alert',
  scope: 'Public',
  info: [
    {
      language: 'pt-BR',
      category: ['Met'],
      event: 'Chuva & vento <forte> "já"',
      responseType: [],
      urgency: 'Immediate',
      severity: 'Severe',
      certainty: 'Likely',
      eventCode: [],
      expires: '2026-01-15T20:00:00-03:00',
      headline: 'Água em\nOlinda',
      description: '30 mm',
      parameter: [],
      area: [{ areaDesc: 'Olinda', polygon: [], circle: ['-8,-34.9 5'], geocode: [] }],
    },
  ],
});

describe.skipIf(missing.length > 0)(
  `signed CAP messages${missing.length > 0 ? ` (skipped: ${missing.join(', ')} not installed)` : ''}`,
  () => {
    let folder = '';
    const at = (name: string): string => join(folder, name);
    const make = (name: string, kind: readonly string[]): void => {
      execFileSync(
        'openssl',
        [
          ...['req', '-x509', '-nodes', '-days', '2', '-subj', '/CN=Defesa Civil', ...kind],
          ...['-keyout', at(`${name}.key`), '-out', at(`${name}.pem`)],
        ],
        { stdio: 'pipe' },
      );
    };
    const files = (key: string, certificate = key): { key: string; certificate: string } => ({
      key: at(`${key}.key`),
      certificate: at(`${certificate}.pem`),
    });
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'atalaia-sign-'));
      make('rsa', ['-newkey', 'rsa:2048']);
      make('ec', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']);
      make('weak', ['-newkey', 'rsa:1024']);
      make('p384', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:secp384r1']);
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));
    const verify = (name: string, text: string): number | null => {
      writeFileSync(at('message.xml'), text);
      return spawnSync('xmlsec1', ['--verify', '--trusted-pem', at(`${name}.pem`), at('message.xml')]).status;
    };

    test.each(['rsa', 'ec'])('%s: xmlsec1 verifies it, the schema holds, our reader too', async (name) => {
      const signed = signCap(xml, openCapSigner(files(name), Date.now()));
      expect(signed.replace(/<Signature .*<\/Signature>/, '')).toBe(xml);
      expect(signed).toMatch(/<\/Signature><\/alert>\n$/);
      expect(verify(name, signed)).toBe(0);
      expect((await openCapGate()).check(signed)).toEqual([]);
      expect(reader.read(Buffer.from(signed)).findings).toEqual([]);
      const altered = signed.replace('30 mm', '31 mm');
      expect(verify(name, altered)).not.toBe(0);
      expect(reader.read(Buffer.from(altered)).verdict).toBe('sig-invalid');
    });

    test('cap check --verify tells both forms, and whom it trusts', async () => {
      const signed = Buffer.from(signCap(xml, openCapSigner(files('rsa'), Date.now())));
      const certificate = (name: string): X509Certificate =>
        new X509Certificate(readFileSync(at(`${name}.pem`)));
      expect(verifyCap(signed, certificate('rsa'))).toMatchObject({ served: 'verified', holds: true });
      expect(verifyCap(signed, certificate('ec'))).toMatchObject({
        served: 'signed with a certificate that is not trusted',
        holds: false,
      });
      expect(verifyCap(Buffer.from(xml))).toEqual({ served: 'unsigned', stripped: 'unsigned', holds: false });
      const blanks = Buffer.from(xml.replaceAll('>\n<', '><'));
      const members = signCap(blanks.toString(), openCapSigner(files('ec'), Date.now()));
      const served = Buffer.from(members.replaceAll('><info>', '>\n<info>'));
      expect(verifyCap(served, certificate('ec'))).toEqual({
        served: 'DigestValue does not fit the message: it was altered',
        stripped: 'verified',
        holds: true,
      });
      const odd = Buffer.from(
        signed
          .toString()
          .replace(/(.)==?<\/SignatureValue>/, (all, last: string) =>
            all.replace(last, String.fromCharCode(last.charCodeAt(0) + 1)),
          ),
      );
      expect(odd.equals(signed)).toBe(false);
      expect(verifyCap(odd).served).toBe('SignatureValue is not canonical Base64');
    });

    test('what is kept and fed is signed once, with the border of the municipality', async () => {
      const ledger = await openSqliteLedger({ path: ':memory:' });
      const bench = new Bench([hourRule]).feed(rain(1, 25));
      await commitAll(ledger, bench.revisions);
      const region = '4314902';
      const publisher = new CapPublisher({
        ledger,
        gate: await openCapGate(),
        environment: 'exercise',
        server: { id: 'test', sender: 'test@example.org', name: 'Test' },
        baseUrl: () => 'http://127.0.0.1:1',
        rules: async () => [{ ...hourRule, area: { kind: 'region' } }],
        place: ({ id }) => ({ station: { ...station(id), region } }),
        border: (code) =>
          code === region
            ? {
                id: region,
                name: 'Porto Alegre',
                polygons: [
                  [
                    [-30, -51],
                    [-30, -50],
                    [-29, -50],
                    [-30, -51],
                  ],
                ],
              }
            : undefined,
        signing: new CapSigning({
          signer: openCapSigner(files('ec'), Date.now()),
          ...{ clock: systemClock, warn: () => {}, error: () => {} },
        }),
        onInvalid: (_alert, problems) => expect(problems).toEqual([]),
      });
      for (const { revision } of await ledger.outbox(100)) {
        await publisher.publish(revision);
        await publisher.publish(revision);
      }
      const { alert } = (bench.revisions[0] as AlertRevision).event;
      const kept = (await ledger.cap(alert, 1))?.xml ?? '';
      expect(verify('ec', kept)).toBe(0);
      expect(kept).toContain('<areaDesc>Porto Alegre</areaDesc><polygon>-30.00000,-51.00000 ');
      expect(kept).not.toContain('<circle>');
      expect((await ledger.capFeed(10, {}))[0]?.xml).toBe(kept);
      await ledger.close();
    });

    test.each([
      ['a weak key', 'weak', 'weak', '1024 bits is too weak'],
      ['another curve', 'p384', 'p384', 'secp384r1 cannot sign'],
      ['the certificate of another key', 'rsa', 'ec', 'does not belong'],
      ['a missing file', 'none', 'rsa', 'cap.signature.key'],
    ])('refuses %s at the start', (_, key, certificate, why) => {
      expect(() => openCapSigner(files(key, certificate), Date.now())).toThrow(why);
    });

    test('refuses a certificate out of its time', () => {
      expect(() => openCapSigner(files('rsa'), Date.now() + 10 * 86_400_000)).toThrow('renewed');
    });
  },
);
