// npm run generator:check
//
// What tools/workspace-plugin/test does, as a contributor does it: a copy of the repository with its own node_modules, nx g,
// build, tests, the rules of the workspace. Takes minutes.

import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { temporaryWorkspace } from './temporary-workspace.ts';

const name = 'pdp11';
const root = temporaryWorkspace();
try {
  run('npm', 'ci', '--prefer-offline', '--no-audit', '--no-fund');
  run(
    'npx',
    'nx',
    'g',
    '@kelp/workspace-plugin:arch',
    name,
    '--machine=65',
    '--title=PDP-11',
    '--no-interactive',
  );
  run('npm', 'ci', '--dry-run', '--ignore-scripts', '--no-audit', '--no-fund');
  run('npx', 'nx', 'run', `@kelp/${name}:build`);
  run('npx', 'vitest', 'run', '--project', `packages/${name}`);
  run('npx', 'vitest', 'run', '--project', 'tools/workspace', 'boundaries', 'packages', 'purity');
  run('npm', 'run', 'format:check');
} finally {
  rmSync(root, { recursive: true, force: true });
}

function run(command: string, ...args: readonly string[]): void {
  const env = { ...process.env, NX_DAEMON: 'false', NX_WORKSPACE_ROOT_PATH: root };
  execFileSync(command, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] });
  process.stdout.write(`ok ${command} ${args.join(' ')}\n`);
}
