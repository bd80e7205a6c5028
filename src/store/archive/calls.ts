/** Lets calls of several steps come to their end when a close comes in between: `whole` marks them, `ended` waits for them. */
export function callsUnderWay() {
  const calls = new Set<Promise<unknown>>();
  return {
    whole:
      <Given extends readonly unknown[], Result>(work: (...given: Given) => Promise<Result>) =>
      async (...given: Given): Promise<Result> => {
        const call = work(...given);
        calls.add(call);
        try {
          return await call;
        } finally {
          calls.delete(call);
        }
      },
    ended: () => Promise.allSettled([...calls]),
  };
}
