import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: {
    // graphql ships as CommonJS and as .mjs; its types only know those of their own copy, and what
    // we load from node_modules loads the CommonJS one.
    alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }],
  },
  test: {
    include: ['test/**/*.test.{ts,tsx}'],
    globalSetup: ['test/support/global-setup.ts'],
    // Processes, not threads: what a test starts is tied to the life of the thread that started it.
    pool: 'forks',
    maxWorkers: 2,
    // A busy machine is no failure: what is waited for has time, and each test a little more.
    testTimeout: 90_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
  },
})
