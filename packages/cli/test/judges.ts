import { spawnSync } from 'node:child_process';

/**
 * Whether tests that ask a program outside this repository can run: `npm test` leaves them out where it is not
 * installed, `npm run judges` does not.
 */
export function hasJudge(program: string): boolean {
  if (process.env['KELP_JUDGES'] === 'required') return true;
  return spawnSync(program, ['--version'], { env: judgeEnvironment }).status === 0;
}

/** Debian keeps kmod where only root looks. */
export const judgeEnvironment = { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C' };
