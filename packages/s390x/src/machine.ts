import {
  commandLineValue,
  cpuinfoWords,
  vulnerabilities,
  type Kernel,
  type MachineAccount,
  type MachineFact,
  type MachineSupport,
} from '@kelp/core';
import { expoline, facility, facilityLimit, nobp, relocatedLowcore } from './features.ts';
import { trampolineFacts } from './ftrace-areas.ts';

/** Reads the facilities of /proc/cpuinfo, the vulnerabilities, the command line and /proc/vmallocinfo. */
export const machine: MachineSupport = {
  facts: (account, kernel) => [
    ...facilityFacts(account, kernel),
    ...mitigationFacts(account),
    ...parameterFacts(account),
    ...trampolineFacts(account, kernel),
  ],
};

function feature(id: string, on: boolean, source: MachineFact['source']): MachineFact {
  return { kind: 'feature', id, answer: on ? 'on' : 'off', source };
}

/** show_facilities(), arch/s390/kernel/processor.c: every facility that the kernel lets itself use. */
function facilityFacts(account: MachineAccount, kernel: Kernel): readonly MachineFact[] {
  const numbers = cpuinfoWords(account, 'facilities');
  if (numbers === undefined) return [];
  return Array.from({ length: facilityLimit }, (_, number) => number).flatMap((number) => {
    const known = facility(number, kernel);
    return known === undefined ? [] : [feature(known.id, numbers.has(String(number)), 'cpuinfo.txt')];
  });
}

/** cpu_show_spectre_v2(), arch/s390/kernel/nospec-sysfs.c: what branches do; etokens hide it. */
const mitigations: readonly {
  readonly says: RegExp;
  readonly expoline: boolean;
  readonly nobp: boolean;
}[] = [
  { says: /execute trampolines/u, expoline: true, nobp: false },
  { says: /limited branch prediction/u, expoline: false, nobp: true },
  { says: /^Vulnerable/u, expoline: false, nobp: false },
];

function mitigationFacts(account: MachineAccount): readonly MachineFact[] {
  const text = vulnerabilities(account)?.get('spectre_v2') ?? '';
  const found = mitigations.find(({ says }) => says.test(text));
  if (found === undefined) return [];
  return [
    feature(expoline.id, found.expoline, 'vulnerabilities.txt'),
    feature(nobp.id, found.nobp, 'vulnerabilities.txt'),
  ];
}

/** `noaltinstr` up to 6.9; parse_boot_command_line() in arch/s390/boot/ipl_parm.c. */
function parameterFacts(account: MachineAccount): readonly MachineFact[] {
  if (account.text('cmdline') === undefined) return [];
  const asked = commandLineValue(account, 'relocate_lowcore') !== undefined;
  const numbers = cpuinfoWords(account, 'facilities');
  // The machine must have facility 193, too.
  const relocated = asked && numbers?.has('193') !== false;
  return [
    feature(relocatedLowcore.id, relocated, 'cmdline'),
    feature('noaltinstr', commandLineValue(account, 'noaltinstr') !== undefined, 'cmdline'),
  ];
}
