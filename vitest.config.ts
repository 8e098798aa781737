import { defineConfig } from 'vitest/config'

const ignored = ['**/node_modules/**', '**/build/**', '**/.svelte-kit/**', 'tests/e2e/**']

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A leaked timer or socket must not pass unseen.
    teardownTimeout: 10_000,
    passWithNoTests: false,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['packages/{protocol,hub,client,cli}/**/*.test.ts', 'examples/**/*.test.ts', 'scripts/**/*.test.ts'],
          exclude: ignored,
        },
      },
      { extends: true, test: { name: 'web', include: ['packages/web/**/*.test.ts'], exclude: ignored } },
      { extends: true, test: { name: 'scenarios', include: ['tests/**/*.test.ts'], exclude: [...ignored, 'tests/properties/**'] } },
      { extends: true, test: { name: 'properties', include: ['tests/properties/**/*.test.ts'], exclude: ignored } },
    ],
  },
})
