import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type FolderSourceEvent, openFolderSource } from './source.ts';

const until = async (isTrue: () => boolean): Promise<void> => {
  for (let tries = 0; !isTrue() && tries < 500; tries++) await new Promise((done) => setTimeout(done, 5));
  expect(isTrue()).toBe(true);
};

function folder(): string {
  return mkdtempSync(join(tmpdir(), 'atalaia-drop-'));
}

test('files are taken by name when they are whole, and moved', async () => {
  const directory = folder();
  const taken: string[] = [];
  for (const name of ['b.csv', 'a.csv', '.hidden', 'c.part']) writeFileSync(join(directory, name), name);
  const source = await openFolderSource({
    directory,
    maxBytes: 100,
    everyMs: 10,
    onMessage: async ({ file, body }) => {
      taken.push(`${file}=${Buffer.from(body)}`);
    },
  });
  await until(() => taken.length === 2);
  await until(() => readdirSync(join(directory, 'done')).length === 2);
  await source.close();
  expect(taken).toEqual(['a.csv=a.csv', 'b.csv=b.csv']);
  expect(readdirSync(directory).sort()).toEqual(['.hidden', 'c.part', 'done']);
});

test('a file that is still being written is not read', async () => {
  const directory = folder();
  const taken: string[] = [];
  const source = await openFolderSource({
    directory,
    maxBytes: 1000,
    everyMs: 30,
    onMessage: async ({ body }) => {
      taken.push(Buffer.from(body).toString());
    },
  });
  let text = '';
  for (let i = 0; i < 12; i++) {
    text += 'x';
    writeFileSync(join(directory, 'growing'), text);
    await new Promise((done) => setTimeout(done, 10));
  }
  await until(() => taken.length === 1);
  await source.close();
  expect(taken).toEqual([text]);
});

test('what cannot be taken stays and comes again; what is too large is told once', async () => {
  const directory = folder();
  const events: FolderSourceEvent[] = [];
  let tries = 0;
  writeFileSync(join(directory, 'a'), 'a');
  writeFileSync(join(directory, 'b'), 'too large');
  const source = await openFolderSource({
    directory,
    maxBytes: 5,
    everyMs: 10,
    onMessage: async () => {
      if (++tries < 3) throw new Error('no room');
    },
    onEvent: (event) => events.push(event),
  });
  await until(() => readdirSync(join(directory, 'done')).length === 1);
  await until(() => events.some(({ kind }) => kind === 'too-large'));
  await new Promise((done) => setTimeout(done, 60));
  await source.close();
  expect(tries).toBe(3);
  expect(events.filter(({ kind }) => kind === 'too-large')).toEqual([
    { kind: 'too-large', file: 'b', bytes: 9 },
  ]);
  expect(readdirSync(directory).sort()).toEqual(['b', 'done']);
});

test('a place that is no directory is refused', async () => {
  const directory = join(folder(), 'file');
  writeFileSync(directory, '');
  const open = openFolderSource({ directory, maxBytes: 5, onMessage: async () => {} });
  await expect(open).rejects.toThrow(/drop folder/);
});
