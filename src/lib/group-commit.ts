interface Waiting<T> {
  readonly item: T;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Group commit: what is put while a commit runs, or while `gather` resolves, goes into the next one together.
 * `commit` is given at most `limit` items, in the order they were put.
 * @returns `put(item)`, which resolves when its commit has, and rejects as it does.
 */
export function createGroupCommit<T>(
  commit: (items: readonly T[]) => Promise<void>,
  gather: () => Promise<void>,
  limit = 1000,
): (item: T) => Promise<void> {
  const waiting: Waiting<T>[] = [];
  let isCommitting = false;

  async function commitAll(): Promise<void> {
    isCommitting = true;
    while (waiting.length > 0) {
      await gather();
      const group = waiting.splice(0, limit);
      try {
        await commit(group.map(({ item }) => item));
        for (const { done } of group) done();
      } catch (error) {
        for (const { failed } of group) failed(error);
      }
    }
    isCommitting = false;
  }

  return (item) =>
    new Promise((done, failed) => {
      waiting.push({ item, done, failed });
      if (!isCommitting) void commitAll();
    });
}
