import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// One process, no isolation between files: tests own no globals (docs/architecture.md, "Tests").
const shared = {
  isolate: false,
  pool: 'threads' as const,
  testTimeout: 60_000,
  hookTimeout: 60_000,
  setupFiles: ['test/seed.ts'],
  // What a page or a server comes to is waited for; a busy machine takes longer than the second that is usual.
  expect: { poll: { timeout: 20_000 } },
};

/** Processes and servers are mostly waited for: two files at once. */
const maxWorkers = Math.min(2, availableParallelism());

/** Tests on real servers beside us: `npm run test:all` alone runs them. */
const brokers = [
  'test/integration/{aws,brokers,cluster,faults,kafka,kinesis,mqtt,postgresql,rabbitmq,sources}*.test.ts',
];

/** Files that `npm run test:all -- --rest` need not repeat. */
const done = process.env.ATALAIA_TEST_DONE?.split(',') ?? [];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          include: [
            'src/**/*.test.ts',
            'web/src/**/*.test.ts',
            'test/tidy.test.ts',
            'test/golden/**/*.test.ts',
          ],
          exclude: done,
        },
      },
      { test: { ...shared, name: 'simulation', include: ['test/simulation/**/*.test.ts'], exclude: done } },
      {
        test: {
          ...shared,
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          exclude: [...brokers, ...done],
          maxWorkers,
          testTimeout: 300_000,
        },
      },
      {
        test: {
          ...shared,
          name: 'brokers',
          include: brokers,
          exclude: done,
          maxWorkers,
          testTimeout: 300_000,
        },
      },
      {
        test: {
          ...shared,
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          exclude: done,
          testTimeout: 180_000,
        },
      },
    ],
  },
});
