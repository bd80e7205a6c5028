import { defineConfig } from 'vitest/config';

// One process, no isolation between files: tests own no globals (docs/architecture.md, "Tests").
const shared = { isolate: false, pool: 'threads' as const, testTimeout: 60_000, hookTimeout: 60_000 };

/** Tests on real servers beside us: `npm run test:all` alone runs them. */
const brokers = ['test/integration/{brokers,kafka,kinesis,postgresql,rabbitmq}*.test.ts'];

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
        },
      },
      { test: { ...shared, name: 'simulation', include: ['test/simulation/**/*.test.ts'] } },
      {
        test: {
          ...shared,
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          exclude: brokers,
          testTimeout: 300_000,
        },
      },
      { test: { ...shared, name: 'brokers', include: brokers, testTimeout: 300_000 } },
      { test: { ...shared, name: 'browser', include: ['test/browser/**/*.test.ts'], testTimeout: 180_000 } },
    ],
  },
});
