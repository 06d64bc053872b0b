import { existsSync, readdirSync } from 'node:fs';
import { defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';

// Tests import a sibling package's TypeScript, so they need no build.
const conditions = ['@kelp/source', ...defaultServerConditions];

// vitest refuses a project without tests. tools/workspace/test/packages.test.ts checks that every
// package has some.
const roots = ['packages', 'tools'].flatMap((folder) =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(`${folder}/${entry.name}/test`))
    .map((entry) => `${folder}/${entry.name}`),
);

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ['test/**/*.test.ts'],
    // What takes a second alone takes many on a machine that others use, too.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: roots.map((root) => ({ extends: true, test: { name: root, root } })),
    coverage: {
      include: ['packages/*/src/**'],
      exclude: ['packages/cli/src/bin.ts'],
      reportsDirectory: 'coverage-report',
    },
  },
});
