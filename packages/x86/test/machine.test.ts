import { machineFacts, type ToldMachine } from '@kelp/testkit';
import { describe, expect, test } from 'vitest';
import { x86 } from '../src/index.ts';

function answers(told: Partial<ToldMachine>, ...names: readonly string[]): readonly (string | undefined)[] {
  const facts = machineFacts(x86, { release: '6.1.0-50-amd64', ...told });
  return names.map((name) => facts.get(name)?.answer);
}

/** /proc/cpuinfo of one CPU. */
function processor(
  flags: string,
  { bugs = '', vendor = 'GenuineIntel', family = 6, number = 0 } = {},
): string {
  return [
    `processor\t: ${number}`,
    `vendor_id\t: ${vendor}`,
    `cpu family\t: ${family}`,
    `flags\t\t: ${flags}`,
    `bugs\t\t: ${bugs}`,
    '',
    '',
  ].join('\n');
}

const vulnerabilities = (texts: Readonly<Record<string, string>>): string =>
  Object.entries(texts)
    .map(([file, text]) => `${file}: ${text}\n`)
    .join('');

test('a machine that tells nothing decides nothing', () => {
  expect(machineFacts(x86, { release: '6.1' }).size).toBe(0);
});

describe('/proc/cpuinfo', () => {
  const cpuinfo = processor('fpu sse2 smap ss', { bugs: 'null_seg spectre_v1' });

  test('flags and bugs by the names of the kernel; what is not shown is off', () => {
    const names = [
      'feature SMAP',
      'feature XMM2',
      'feature SELFSNOOP',
      'feature LA57',
      'feature BUG_NULL_SEG',
    ];
    expect(answers({ texts: { 'cpuinfo.txt': cpuinfo } }, ...names)).toEqual(['on', 'on', 'on', 'off', 'on']);
    expect(answers({ texts: { 'cpuinfo.txt': cpuinfo } }, 'feature BUG_MDS')).toEqual(['off']);
  });

  test('nothing about features that are never shown', () => {
    const names = ['feature ALWAYS', 'feature K8', 'feature RETPOLINE'];
    expect(answers({ texts: { 'cpuinfo.txt': cpuinfo } }, ...names)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('a feature counts if all CPUs have it', () => {
    const both = processor('fpu smap') + processor('fpu', { number: 1 });
    expect(answers({ texts: { 'cpuinfo.txt': both } }, 'feature SMAP', 'feature FPU')).toEqual(['off', 'on']);
  });

  test('LFENCE_RDTSC by the vendor, MSR_SPEC_CTRL by what shows it', () => {
    const names = ['feature LFENCE_RDTSC', 'feature MSR_SPEC_CTRL'];
    const told = (text: string): readonly (string | undefined)[] =>
      answers({ texts: { 'cpuinfo.txt': text } }, ...names);
    expect(told(processor('fpu ibrs'))).toEqual(['on', 'on']);
    expect(told(processor('fpu', { vendor: 'AuthenticAMD' }))).toEqual(['on', 'off']);
    // Intel's SSBD alone comes without the register.
    expect(told(processor('fpu ssbd', { vendor: 'Unheard of' }))).toEqual([undefined, undefined]);
  });
});

describe('lock prefixes', () => {
  const one = processor('fpu');
  test.each([
    ['one CPU', { 'cpuinfo.txt': one }, 'on'],
    ['two CPUs', { 'cpuinfo.txt': one + processor('fpu', { number: 1 }) }, 'off'],
    ['the command line keeps them', { 'cpuinfo.txt': one, cmdline: 'quiet noreplace-smp' }, 'off'],
    [
      'one of two CPUs was switched off later',
      { 'cpuinfo.txt': one, 'dmesg.txt': '<6>[    0.1] smpboot: Allowing 2 CPUs, 0 hotplug CPUs\n' },
      'off',
    ],
    [
      'others could be plugged in',
      { 'cpuinfo.txt': one, 'dmesg.txt': '<6>[    0.1] smpboot: Allowing 4 CPUs, 3 hotplug CPUs\n' },
      'on',
    ],
    [
      'present CPUs as 6.12 words it',
      {
        'cpuinfo.txt': one,
        'dmesg.txt': '<6>[    0.1] CPU topo: Allowing 2 present CPUs plus 0 hotplug CPUs\n',
      },
      'off',
    ],
    [
      'one of two is used',
      {
        'cpuinfo.txt': one,
        cmdline: 'maxcpus=1',
        'dmesg.txt': '<6>[    0.1] smpboot: Allowing 2 CPUs, 0 hotplug CPUs\n',
      },
      'on',
    ],
  ])('%s', (_, texts, expected) => {
    expect(answers({ texts }, 'feature UP')).toEqual([expected]);
  });
});

describe('mitigations', () => {
  const names = [
    'feature RETPOLINE',
    'feature RETPOLINE_LFENCE',
    'feature RSB_VMEXIT',
    'feature RSB_VMEXIT_LITE',
    'feature KERNEL_IBRS',
    'feature RETHUNK',
    'feature INDIRECT_THUNK_ITS',
    'kernel-chosen x86_return_thunk',
  ];
  const [on, off] = ['on', 'off'];

  test.each([
    ['nothing is affected', { spectre_v2: 'Not affected' }, [off, off, off, off, off, off, off, 'none']],
    [
      'mitigations=off',
      { spectre_v2: 'Vulnerable; STIBP: disabled' },
      [off, off, off, off, off, off, off, 'none'],
    ],
    [
      'retpolines',
      { spectre_v2: 'Mitigation: Retpolines; STIBP: disabled; RSB filling', retbleed: 'Not affected' },
      [on, off, on, off, off, off, off, 'none'],
    ],
    ['lfence', { spectre_v2: 'Vulnerable: LFENCE' }, [on, on, on, off, off, off, off, 'none']],
    [
      'Skylake with IBRS and ITS thunks',
      {
        spectre_v2: 'Mitigation: IBRS; IBPB: conditional; RSB filling; PBRSB-eIBRS: Not affected',
        indirect_target_selection: 'Mitigation: Aligned branch/return thunks',
        retbleed: 'Mitigation: IBRS',
      },
      [off, off, on, off, on, on, on, 'its_return_thunk'],
    ],
    [
      'ITS thunks for returns only, beside retpolines',
      {
        spectre_v2: 'Mitigation: Enhanced / Automatic IBRS + Retpolines; PBRSB-eIBRS: SW sequence',
        indirect_target_selection: 'Mitigation: Aligned branch/return thunks',
      },
      [on, off, off, on, off, on, off, 'its_return_thunk'],
    ],
    [
      'Zen 2',
      { spectre_v2: 'Mitigation: Retpolines', retbleed: 'Mitigation: untrained return thunk; SMT disabled' },
      [on, off, on, off, off, on, off, 'retbleed_return_thunk'],
    ],
    [
      'IBPB makes untraining and RSB filling needless',
      {
        spectre_v2: 'Mitigation: Retpolines',
        retbleed: 'Mitigation: untrained return thunk; SMT disabled',
        spec_rstack_overflow: 'Mitigation: IBPB',
      },
      [on, off, off, off, off, off, off, 'none'],
    ],
  ])('%s', (_, texts, expected) => {
    const told = { 'vulnerabilities.txt': vulnerabilities(texts) };
    expect(answers({ texts: told }, ...names)).toEqual(expected);
  });

  test.each([
    [0x19, 'on', 'off', 'srso_alias_return_thunk'],
    [0x17, 'off', 'on', 'srso_return_thunk'],
  ])('safe returns on family %i', (family, alias, plain, thunk) => {
    const texts = {
      'cpuinfo.txt': processor('fpu', { vendor: 'AuthenticAMD', family }),
      'vulnerabilities.txt': vulnerabilities({ spec_rstack_overflow: 'Mitigation: Safe RET' }),
    };
    const wanted = ['feature SRSO_ALIAS', 'feature SRSO', 'feature UNRET', 'kernel-chosen x86_return_thunk'];
    expect(answers({ texts }, ...wanted)).toEqual([alias, plain, 'on', thunk]);
  });

  test('the thunk that the kernel has printed counts more', () => {
    const texts = {
      'vulnerabilities.txt': vulnerabilities({ retbleed: 'Mitigation: untrained return thunk' }),
      'dmesg.txt': '<6>[    0.2] RETBleed: active return thunk: srso_return_thunk\n',
    };
    expect(answers({ texts }, 'kernel-chosen x86_return_thunk')).toEqual(['srso_return_thunk']);
  });

  test('buffers are cleared for guests by more mitigations in 7.3 than in 6.12', () => {
    const texts = {
      'vulnerabilities.txt': vulnerabilities({ mds: 'Mitigation: Clear CPU buffers; SMT disabled' }),
    };
    const both = ['feature CLEAR_CPU_BUF', 'feature CLEAR_CPU_BUF_VM'];
    expect(answers({ release: '6.12.1', texts }, ...both)).toEqual(['on', 'off']);
    expect(answers({ release: '7.3', texts }, ...both)).toEqual(['on', 'on']);
  });

  test('what a text leaves open is not decided', () => {
    const texts = {
      'vulnerabilities.txt': vulnerabilities({ mmio_stale_data: 'Mitigation: Clear CPU buffers' }),
    };
    expect(answers({ texts }, 'feature CLEAR_CPU_BUF', 'feature UNRET')).toEqual([undefined, 'off']);
  });
});

describe('preemption', () => {
  const names = ['cond_resched', 'might_resched', 'preempt_schedule', 'preempt_schedule_notrace'].map(
    (name) => `static-call __SCK__${name}`,
  );
  const zero = '__static_call_return0';
  const banner = 'Linux version 6.1.0-50-amd64 (x) #1 SMP PREEMPT_DYNAMIC Debian\n';

  test.each([
    ['none', ['__cond_resched', zero, 'nothing', 'nothing']],
    ['voluntary', ['__cond_resched', '__cond_resched', 'nothing', 'nothing']],
    ['full', [zero, zero, 'preempt_schedule_thunk', 'preempt_schedule_notrace_thunk']],
    ['lazy', [zero, zero, 'preempt_schedule_thunk', 'preempt_schedule_notrace_thunk']],
  ])('the kernel said %s', (mode, expected) => {
    const texts = { 'dmesg.txt': `<6>[    0.0] Dynamic Preempt: ${mode}\n` };
    expect(answers({ texts }, ...names)).toEqual(expected);
  });

  test('the last change counts', () => {
    const texts = {
      'dmesg.txt': '<6>[    0.0] Dynamic Preempt: voluntary\n<6>[   70.0] Dynamic Preempt: full\n',
    };
    expect(answers({ texts }, ...names)[0]).toBe(zero);
  });

  test.each([
    ['the command line', { version: banner, cmdline: 'quiet preempt=full' }, '6.1', zero],
    ['a mode of newer kernels', { version: banner, cmdline: 'preempt=lazy' }, '6.1', undefined],
    ['the same in such a kernel', { version: banner, cmdline: 'preempt=lazy' }, '7.3', zero],
    [
      'a kernel without dynamic modes',
      { version: 'Linux version 6.1', cmdline: 'preempt=full' },
      '6.1',
      undefined,
    ],
    [
      'the configuration',
      { version: banner, cmdline: 'quiet', config: 'CONFIG_PREEMPT_VOLUNTARY=y\n' },
      '6.1',
      '__cond_resched',
    ],
    ['nothing', { version: banner, cmdline: 'quiet' }, '6.1', undefined],
  ])('told by %s', (_, texts, release, expected) => {
    expect(answers({ release, texts }, 'static-call __SCK__cond_resched')).toEqual([expected]);
  });
});

test.each([
  ['Booting paravirtualized kernel on bare hardware', 'off'],
  ['Booting paravirtualized kernel on KVM', 'off'],
  ['Booting kernel on Xen', 'on'],
  ['Booting paravirtualized kernel on Xen PVH', 'off'],
])('%s', (message, expected) => {
  const texts = { 'dmesg.txt': `<6>[    0.000000] ${message}\n` };
  expect(answers({ texts }, 'feature XENPV')).toEqual([expected]);
});
