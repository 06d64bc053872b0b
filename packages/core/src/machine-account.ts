import type { MachineAccount } from './machine.ts';

/**
 * Values of one field of /proc/cpuinfo, one for each line that has it: one for each CPU, or one for all on s390x.
 *
 * @param field - name in front of the colon.
 */
export function cpuinfoValues(account: MachineAccount, field: string): readonly string[] {
  return (account.text('cpuinfo.txt') ?? '').split('\n').flatMap((line) => {
    const colon = line.indexOf(':');
    return colon !== -1 && line.slice(0, colon).trim() === field ? [line.slice(colon + 1).trim()] : [];
  });
}

/** Words that a field of /proc/cpuinfo has for every CPU; undefined where no CPU has the field. */
export function cpuinfoWords(account: MachineAccount, field: string): ReadonlySet<string> | undefined {
  const [first, ...others] = cpuinfoValues(account, field).map((value) => new Set(value.split(/\s+/u)));
  if (first === undefined) return undefined;
  return new Set([...first].filter((word) => word !== '' && others.every((words) => words.has(word))));
}

/** How many CPUs /proc/cpuinfo lists: `processor : 0` on most architectures, `processor 0: ...` on s390x. */
export function countProcessors(account: MachineAccount): number {
  const lines = (account.text('cpuinfo.txt') ?? '').split('\n');
  return lines.filter((line) => /^processor\s*(?::|\d)/u.test(line)).length;
}

/**
 * The last value of a parameter on the kernel command line; empty for one without a value.
 *
 * @returns undefined where the parameter, or the whole command line, is missing.
 */
export function commandLineValue(account: MachineAccount, parameter: string): string | undefined {
  const words = (account.text('cmdline') ?? '').trim().split(/\s+/u);
  const last = words.findLast((word) => sameParameter(word.split('=', 1)[0] ?? '', parameter));
  return last === undefined ? undefined : last.slice(last.indexOf('=') + 1 || last.length);
}

/** parameq(), kernel/params.c: dashes and underscores are the same. */
function sameParameter(a: string, b: string): boolean {
  return a.replaceAll('-', '_') === b.replaceAll('-', '_');
}

/** What /sys/devices/system/cpu/vulnerabilities says, by file name; undefined where it was not recorded. */
export function vulnerabilities(account: MachineAccount): ReadonlyMap<string, string> | undefined {
  const text = account.text('vulnerabilities.txt');
  if (text === undefined) return undefined;
  return new Map(
    text.split('\n').flatMap((line) => {
      const colon = line.indexOf(':');
      return colon > 0 ? [[line.slice(0, colon).trim(), line.slice(colon + 1).trim()] as const] : [];
    }),
  );
}

/** Messages of the kernel since it was booted. */
export interface BootMessages {
  /** The matches of an expression, one a message, in order. */
  matches(expression: RegExp): readonly RegExpExecArray[];
  /** The log begins with the first messages: what is missing was not said. */
  readonly complete: boolean;
}

/** start_kernel() prints linux_banner; few messages come before it. */
const earlyLines = 40;

/** The kernel's messages, or undefined where none were recorded. */
export function bootMessages(account: MachineAccount): BootMessages | undefined {
  const lines = account.text('dmesg.txt')?.split('\n');
  if (lines === undefined) return undefined;
  return {
    matches: (expression) =>
      lines.flatMap((line) => {
        const match = expression.exec(line);
        return match === null ? [] : [match];
      }),
    complete: lines.slice(0, earlyLines).some((line) => /(?:\] |^)Linux version \d/u.test(line)),
  };
}
