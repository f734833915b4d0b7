import { configDefaults, defineConfig } from 'vitest/config';
import { WITHOUT_API_SERVER } from './test/without-api-server.ts';

/** Set where the same tests were run on another Kubernetes before. */
const notAgain = process.env['ACE_TESTED_BEFORE'] === undefined ? [] : WITHOUT_API_SERVER;
if (notAgain.length > 0) console.info(`not run again, for they start no API server: ${notAgain.join(', ')}`);

export default defineConfig({
  test: {
    reporters: ['default'],
    // Most of an integration test is waiting: two at a time halve the whole on two cores.
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'unit',
          // Properties take their time on a busy machine; none of these tests waits for anything.
          testTimeout: 60_000,
          include: ['test/unit/**/*.test.ts'],
          // CommonJS packages are imported as Node does it.
          deps: { interopDefault: false },
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...notAgain],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/e2e/support/build-images.ts'],
          // There is one node on a machine at a time, and its programs may have to be built first.
          fileParallelism: false,
          maxWorkers: 1,
          testTimeout: 300_000,
          hookTimeout: 1_800_000,
        },
      },
    ],
  },
});
