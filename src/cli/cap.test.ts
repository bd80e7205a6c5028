import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, it } from 'vitest';
import { capCommand } from './cap.ts';

const folder = mkdtempSync(join(tmpdir(), 'atalaia-cap-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const told = Promise.all([text(stdout), text(stderr)]);
  const code = await capCommand.run(argv, { stdout, stderr }).finally(() => {
    stdout.end();
    stderr.end();
  });
  const [out, err] = await told;
  return { code, out, err };
}

const file = (name: string, content: string): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const message =
  '<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>a.1</identifier><sender>x@example.org</sender>' +
  '<sent>2026-01-15T14:03:00-03:00</sent><status>Actual</status><msgType>Cancel</msgType><scope>Public</scope>' +
  '<references>x@example.org,a.0,2026-01-15T13:03:00-03:00</references></alert>';
const good = file('good.xml', message);
const draft = file('draft.xml', message.replace('Actual', 'Draft'));
const bad = file('bad.xml', message.replace(/<references>.*<\/references>/, '').replace('>a.1<', '>a 1<'));

it('writes a line per file and ends with 0 when all are accepted', async () => {
  const { code, out, err } = await run('check', good, draft);
  expect(out).toBe(`accept\t${good}\t\naccept-warn\t${draft}\t3.2.1 status: Draft: not for action\n`);
  expect([code, err]).toEqual([0, '']);
});

it('ends with 1 when one is rejected, and goes on to the next', async () => {
  const { code, out } = await run('check', bad, good);
  const reasons =
    '3.2.1 identifier: "a 1" is empty or has a space, a comma, "<" or "&"; ' +
    '3.2.1 msgType: "Cancel" without references to the messages that it is about';
  expect(out).toBe(`reject-rule\t${bad}\t${reasons}\naccept\t${good}\t\n`);
  expect(code).toBe(1);
});

it('ends with 1 when a file cannot be read, and names it', async () => {
  const { code, out, err } = await run('check', join(folder, 'none.xml'), folder, good);
  expect(code).toBe(1);
  expect(out).toBe(`accept\t${good}\t\n`);
  expect(err).toMatch(/none\.xml cannot be read: ENOENT.*\n.*cannot be read: EISDIR/);
});

it('refuses a file that is larger than any message', async () => {
  const large = file('large.xml', ' '.repeat(6_000_000));
  const { code, out } = await run('check', large);
  expect([code, out]).toEqual([1, `reject-security\t${large}\tlimits: larger than 5000000 bytes\n`]);
});

it.each([
  [[]],
  [['check']],
  [['active']],
  [['verify', good]],
  [['check', '--all', good]],
  [['active', '--at', 'noon', good]],
])('%j is wrong usage', async (argv) => {
  await expect(run(...argv)).rejects.toMatchObject({ code: 'ATL_USAGE' });
});

describe('active', () => {
  const alert = (identifier: string, more: string): string =>
    message
      .replace(/<msgType>.*<\/references>/, `<msgType>Alert</msgType><scope>Public</scope>${more}`)
      .replace('a.1', identifier);
  const info =
    '<info><category>Met</category><event>Chuva</event><urgency>Expected</urgency><severity>Extreme</severity>' +
    '<certainty>Likely</certainty><expires>2026-01-16T00:00:00-03:00</expires><area><areaDesc>Vale</areaDesc></area></info>';
  const before = file('before.xml', alert('a.0', info));
  const other = file('other.xml', alert('b.0', info));
  const drill = file('drill.xml', alert('c.0', info).replace('Actual', 'Exercise'));
  const feed = file(
    'feed.rss',
    '<rss><channel><title>t</title><link>l</link><description>d</description>' +
      '<item><title>t</title><link>https://example.org/1</link></item></channel></rss>',
  );
  const at = ['--at', '2026-01-15T20:00:00Z'];
  const line = (state: string, level: string, id: string): string =>
    `${state}\t${level}\tExtreme/Expected/Likely\t2026-01-16T03:00:00Z\tx@example.org\t${id}\tChuva\tVale\n`;

  it('lists what is in force, whatever the order of the files', async () => {
    for (const files of [
      [before, other, good, drill],
      [drill, good, other, before],
    ]) {
      const { code, out, err } = await run('active', ...at, ...files);
      expect([code, out, err]).toEqual([0, line('active', 'red', 'b.0'), '']);
    }
  });

  it('lists with --all what is over too, and drills by themselves', async () => {
    const all = await run('active', '--all', ...at, good, before, drill);
    expect(all.out).toBe(line('cancelled', 'red', 'a.0'));
    const drills = await run('active', '--drills', ...at, before, drill);
    expect(drills.out).toBe(line('active', 'red', 'c.0'));
  });

  it('says what it did not follow or take, and ends with 1 for what cannot be read', async () => {
    const { code, err } = await run('active', ...at, feed, draft);
    expect(code).toBe(0);
    expect(err).toMatch(/feed\.rss: 1 stand behind links.*\n.*draft\.xml: 1 not taken: status\n/);
    expect((await run('active', ...at, join(folder, 'none.xml'))).code).toBe(1);
    expect((await run('active', ...at, file('page.html', '<html></html>'))).code).toBe(1);
  });
});
