import { afterEach, describe, expect, test } from 'vitest';
import type { CheckpointMedium } from '../ledger/checkpoint-medium.ts';

/** How a suite opens a medium that is empty. */
export interface MediumUnderTest {
  open(): Promise<CheckpointMedium>;
  /** A second process's view of the medium that `open` gave last; undefined where one process alone has it. */
  beside?(): Promise<CheckpointMedium>;
  close?(): Promise<void>;
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array | undefined): string | undefined =>
  bytes && new TextDecoder().decode(bytes);

/** What every medium of checkpoints owes (checkpoint-medium.ts). */
export function checkpointMediumConformance(name: string, under: MediumUnderTest): void {
  describe(`checkpoints on ${name}`, () => {
    afterEach(async () => under.close?.());

    test('what was written is read, and offsets ascend as numbers', async () => {
      const medium = await under.open();
      const offsets = [9, 10, 100, 99, 0, 2 ** 53 - 1, 1_000_000];
      for (const offset of offsets) await medium.write(3, offset, bytesOf(`state ${offset}`));
      expect(await medium.offsets(3)).toEqual([...offsets].sort((a, b) => a - b));
      for (const offset of offsets) expect(textOf(await medium.read(3, offset))).toBe(`state ${offset}`);
    });

    test('partitions are apart, also 1 and 11', async () => {
      const medium = await under.open();
      await medium.write(1, 5, bytesOf('one'));
      await medium.write(11, 6, bytesOf('eleven'));
      expect([await medium.offsets(1), await medium.offsets(11), await medium.offsets(2)]).toEqual([
        [5],
        [6],
        [],
      ]);
      expect(await medium.read(1, 6)).toBeUndefined();
    });

    test('one written again has the newest bytes, and stands once', async () => {
      const medium = await under.open();
      await medium.write(0, 7, bytesOf('before'));
      await medium.write(0, 7, bytesOf('after'));
      expect([await medium.offsets(0), textOf(await medium.read(0, 7))]).toEqual([[7], 'after']);
    });

    test('bytes come back as they were, any of them and many', async () => {
      const medium = await under.open();
      const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31 + (i >> 8)) & 0xff);
      await medium.write(0, 1, bytes);
      const back = await medium.read(0, 1);
      expect(Buffer.compare(Buffer.from(back ?? []), Buffer.from(bytes))).toBe(0);
    });

    test('only what is named is removed; what is not there is no error', async () => {
      const medium = await under.open();
      for (const offset of [1, 2, 3]) await medium.write(0, offset, bytesOf('x'));
      await medium.remove(0, [1, 3, 77], undefined);
      expect([await medium.offsets(0), await medium.read(0, 1)]).toEqual([[2], undefined]);
    });

    test('a message names partition and offset', async () => {
      expect((await under.open()).nameOf(12, 48_211)).toMatch(/12\D+0*48211/);
    });

    // A medium of one process alone has no such promise, and a suite no skipped test.
    const { beside } = under;
    if (!beside) return;
    test('another process sees at once what was written and removed', async () => {
      const medium = await under.open();
      const other = await beside();
      await medium.write(4, 8, bytesOf('shared'));
      expect([await other.offsets(4), textOf(await other.read(4, 8))]).toEqual([[8], 'shared']);
      await other.remove(4, [8], undefined);
      expect(await medium.offsets(4)).toEqual([]);
    });
  });
}
