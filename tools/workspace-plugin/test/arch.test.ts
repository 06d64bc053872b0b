import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { CoverageMatrix } from '@kelp/coverage';
import { flushChanges, FsTree } from 'nx/src/generators/tree.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import arch, { nextSteps } from '../src/arch.mjs';
import { linkModules, temporaryWorkspace } from '../src/temporary-workspace.ts';

const name = 'pdp11';
let root = '';

function run(command: string, ...args: readonly string[]): string {
  const { NODE_OPTIONS: _options, VITEST: _vitest, ...env } = process.env;
  return execFileSync(command, args, {
    cwd: root,
    env: { ...env, NO_COLOR: '1' },
    encoding: 'utf8',
    stdio: 'pipe',
  });
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

beforeAll(async () => {
  root = temporaryWorkspace();
  const tree = new FsTree(root, false);
  await arch(tree, { name, machine: 65, title: 'PDP-11', aliases: 'pdp,pdp-11', skipLockFile: true });
  flushChanges(root, tree.listChanges());
  linkModules(root);
}, 60_000);

afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

describe('nx g @kelp/workspace-plugin:arch', () => {
  test('registers the architecture with the command, in one line of its list and one of its package.json', () => {
    expect(read('packages/cli/src/architectures.ts')).toContain(`, ${name}]`);
    expect(read('packages/cli/src/architectures.ts')).toContain(`import { ${name} } from '@kelp/${name}';`);
    expect(read('packages/cli/package.json')).toContain(`"@kelp/${name}": "0.0.0"`);
  });

  test('makes a package whose types are right', () => {
    expect(run('node_modules/.bin/tsc', '-p', `packages/${name}`)).toBe('');
  }, 60_000);

  test('makes a package that passes the conformance suite', () => {
    const output = run('node_modules/.bin/vitest', 'run', '--project', `packages/${name}`);
    expect(output).toMatch(/Tests {2}\d+ passed/u);
  }, 60_000);

  test('shows a column in the matrix in which every flag is empty', () => {
    const command = ['--import', 'tsx', '-C', '@kelp/source', 'packages/cli/src/bin.ts'];
    const text = run(
      process.execPath,
      ...command,
      'matrix',
      '--architecture',
      'pdp-11',
      '--kernel',
      '7.3',
      '--json',
    );
    // What the command printed is what the test looks at.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const matrix = JSON.parse(text) as CoverageMatrix;
    expect(matrix.architectures).toEqual([{ id: name, title: 'PDP-11' }]);
    expect(matrix.rows.length).toBeGreaterThan(20);
    expect(matrix.rows.flatMap(({ cells }) => cells.flatMap(({ flags }) => flags))).toEqual([]);
  }, 60_000);

  test('refuses a name that is taken or is none', async () => {
    const tree = new FsTree(root, false);
    await expect(arch(tree, { name: 'x86', machine: 62 })).rejects.toThrow('packages/x86 exists');
    await expect(arch(tree, { name: '../x', machine: 62 })).rejects.toThrow('no name');
  });

  test('says what to do next', () => {
    expect(nextSteps(name)).toContain(`npx vitest run --project packages/${name}`);
  });
});
