import { spawnSync } from 'node:child_process';
import { KelpError } from '@kelp/core';
import type { KmodRun } from '@kelp/livepatch';

/** Longest run of a program of kmod, in milliseconds: depmod reads every module of a kernel. */
const timeLimit = 300_000;

/**
 * Run depmod or modprobe.
 *
 * @throws KelpError `pack/no-kmod` where it is not installed, `pack/kmod` where it does not end.
 */
export function runKmod(program: string, args: readonly string[]): KmodRun {
  // Debian keeps them where only root looks.
  const path = [process.env['PATH'] ?? '', '/usr/sbin', '/sbin'].filter((one) => one !== '').join(':');
  const { error, status, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    env: { PATH: path, LC_ALL: 'C' },
    maxBuffer: 1 << 28,
    timeout: timeLimit,
  });
  if (error !== undefined && 'code' in error && error.code === 'ENOENT')
    throw new KelpError('pack/no-kmod', `${program} is not installed; install kmod`);
  if (error !== undefined)
    throw new KelpError('pack/kmod', `${program}: ${error.message}`, {}, { cause: error });
  return { ok: status === 0, out: stdout, error: stderr };
}
