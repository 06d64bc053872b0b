// npm run release [-- --dry-run]
//
// Builds, checks and publishes all packages with provenance. A package whose version the registry has is left out, so that a
// release that broke off can be run again.

import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { members, readJson } from '../../workspace/src/json.ts';
import { packageFolders, repository } from '../../workspace/src/source-files.ts';
import { obstacle, publishingOrder, type Manifest } from './plan.ts';

const dryRun = process.argv.includes('--dry-run');
const order = publishingOrder(packageFolders.map(readManifest));
const [first] = order;
if (first === undefined) throw new Error('there is nothing to publish');
const reason = obstacle(first, {
  changes: output('git', 'status', '--porcelain'),
  tag: output('git', 'tag', '--points-at', 'HEAD'),
  changesets: readdirSync(`${repository}.changeset`).filter((name) => name.endsWith('.md')).length,
  inWorkflow: process.env['ACTIONS_ID_TOKEN_REQUEST_URL'] !== undefined,
});
if (reason !== undefined && !dryRun) throw new Error(`not published: ${reason}`);
if (reason !== undefined) process.stdout.write(`would not be published: ${reason}\n`);

run('npm', 'run', 'build');
run('npm', 'run', 'packages:check');
for (const { name, version } of order) {
  if (!dryRun && isPublished(name, version)) process.stdout.write(`${name} ${version} is there\n`);
  else
    run(
      'npm',
      'publish',
      '--workspace',
      name,
      '--access',
      'public',
      ...(dryRun ? ['--dry-run'] : ['--provenance']),
    );
}

function readManifest(folder: string): Manifest {
  const manifest = readJson(`${repository}packages/${folder}/package.json`);
  return {
    name: String(manifest['name']),
    version: String(manifest['version']),
    isPrivate: manifest['private'] === true,
    needs: Object.keys(members(manifest['dependencies'])),
  };
}

function isPublished(name: string, version: string): boolean {
  try {
    return output('npm', 'view', `${name}@${version}`, 'version') === version;
  } catch {
    return false;
  }
}

function output(command: string, ...args: readonly string[]): string {
  return execFileSync(command, args, {
    cwd: repository,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}

function run(command: string, ...args: readonly string[]): void {
  execFileSync(command, args, { cwd: repository, stdio: 'inherit' });
}
