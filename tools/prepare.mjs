// Installs the dependencies that package-lock.json names when node_modules holds others or none, so
// that `npm start` and `npm test` work as the first command in a fresh clone. It runs before anything
// is installed: Node's own modules only.
//
//   node tools/prepare.mjs           install when needed (prestart, pretest)
//   node tools/prepare.mjs --stamp   record that node_modules matches the lock file (postinstall)

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stampFile = `${root}node_modules/.kelp-lock-sha256`;
const lockHash = createHash('sha256')
  .update(readFileSync(`${root}package-lock.json`))
  .digest('hex');

if (process.argv.includes('--stamp')) {
  writeFileSync(stampFile, `${lockHash}\n`);
} else if (!isInstalled()) {
  install();
}

function isInstalled() {
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8').trim() === lockHash;
}

function install() {
  console.error('Installing dependencies (npm ci) ...');
  // The npm that runs this script, which need not be the first one on PATH.
  const npm = process.env['npm_execpath'];
  const [command, ...leading] = npm === undefined ? ['npm'] : [process.execPath, npm];
  const ci = spawnSync(command, [...leading, 'ci', '--include=dev', '--no-audit', '--no-fund'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (ci.status !== 0) {
    console.error(`npm ci failed: ${ci.error?.message ?? `exit status ${ci.status}`}`);
    process.exit(1);
  }
  writeFileSync(stampFile, `${lockHash}\n`);
}
