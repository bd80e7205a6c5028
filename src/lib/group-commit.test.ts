import { expect, it } from 'vitest';
import { createGroupCommit } from './group-commit.ts';

const turn = (): Promise<void> => new Promise((done) => void setImmediate(done));

it('commits together what comes together, in order and within the limit', async () => {
  const groups: number[][] = [];
  const put = createGroupCommit<number>(async (items) => void groups.push([...items]), turn, 4);
  await Promise.all([1, 2, 3, 4, 5, 6].map(put));
  await put(7);
  expect(groups).toEqual([[1, 2, 3, 4], [5, 6], [7]]);
});

it('tells a failure to those of the group alone, and goes on', async () => {
  const put = createGroupCommit<string>(
    async (items) => {
      if (items.includes('bad')) throw new Error('disk');
    },
    turn,
    2,
  );
  const results = await Promise.allSettled(['good', 'bad', 'next', 'last'].map(put));
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled', 'fulfilled']);
});
