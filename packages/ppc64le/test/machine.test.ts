import { machineFacts, type ToldMachine } from '@kelp/testkit';
import { describe, expect, test } from 'vitest';
import { ppc64le } from '../src/index.ts';

function answers(told: Partial<ToldMachine>, ...names: readonly string[]): readonly (string | undefined)[] {
  const facts = machineFacts(ppc64le, { release: '6.12.1', ...told });
  return names.map((name) => facts.get(name)?.answer);
}

describe('words of features in the messages of the kernel', () => {
  const texts = {
    'dmesg.txt': [
      '<5>[    0.000000] Linux version 6.12.1 (x) #1 SMP',
      '<6>[    0.000000] cpu_features      = 0x0004000000020080',
      '<6>[    0.000000]   possible        = 0xffffffffffffffff',
      '<6>[    0.000000] mmu_features      = 0x00000040',
      '<6>[    0.000000] firmware_features = 0x0000000000100000',
      '',
    ].join('\n'),
  };

  test('bits by the names of the kernel', () => {
    const names = [
      'CPU_FTR_LWSYNC',
      'CPU_FTR_ARCH_300',
      'CPU_FTR_ARCH_31',
      'CPU_FTR_VSX',
      'MMU_FTR_TYPE_RADIX',
    ];
    const [lwsync, p9, p10, vsx, radix] = answers({ texts }, ...names.map((name) => `feature ${name}`));
    expect([lwsync, p9, p10, vsx, radix]).toEqual(['on', 'on', 'on', 'off', 'on']);
    expect(answers({ texts }, 'feature FW_FEATURE_SPLPAR', 'feature FW_FEATURE_LPAR')).toEqual(['on', 'off']);
  });

  test('static keys of the bits', () => {
    const keys = ['cpu_feature_keys+112', 'cpu_feature_keys+0', 'mmu_feature_keys+96', 'mmu_feature_keys+80'];
    expect(answers({ texts }, ...keys.map((name) => `jump-label ${name}`))).toEqual([
      'enabled',
      'disabled',
      'enabled',
      'disabled',
    ]);
  });
});

test('the auxiliary vector tells the generation of the CPU', () => {
  const auxiliaryVector = { 16: 0x1000_0180n, 26: 0x8084_0000n };
  const names = ['ARCH_31', 'ARCH_300', 'ARCH_207S', 'ALTIVEC'].map((name) => `feature CPU_FTR_${name}`);
  expect(answers({ auxiliaryVector }, ...names)).toEqual(['on', 'on', 'on', 'on']);
  expect(answers({ auxiliaryVector: { 26: 0x8080_0000n } }, ...names)).toEqual([
    'off',
    'on',
    'on',
    undefined,
  ]);
});

test.each([
  ['Radix', 'on'],
  ['Hash', 'off'],
])('MMU: %s', (mmu, expected) => {
  expect(answers({ texts: { 'cpuinfo.txt': `MMU\t\t: ${mmu}\n` } }, 'feature MMU_FTR_TYPE_RADIX')).toEqual([
    expected,
  ]);
});

test.each([
  ['Mitigation: __user pointer sanitization, ori31 speculation barrier enabled', 'on'],
  ['Vulnerable', 'off'],
])('spectre_v1: %s', (text, expected) => {
  const texts = { 'vulnerabilities.txt': `spectre_v1: ${text}\n` };
  expect(answers({ texts }, 'feature barrier_nospec')).toEqual([expected]);
});

describe('static keys by messages', () => {
  const start = '<5>[    0.000000] Linux version 6.12.1 (x) #1 SMP\n';
  const shared = '<6>[    0.0] PV qspinlock hash table entries: 4096 (order: 0, 65536 bytes, linear)\n';
  const flush = (kind: string): string => `<7>[    0.0] uaccess-flush: patched 1 locations (${kind} flush)\n`;

  test.each([
    ['shared_processor', start + shared, 'enabled'],
    ['shared_processor', start, 'disabled'],
    ['shared_processor', flush('no'), undefined],
    ['uaccess_flush_key', flush('fallback displacement'), 'enabled'],
    ['uaccess_flush_key', flush('ori type') + flush('no'), 'disabled'],
    ['uaccess_flush_key', start, undefined],
  ])('%s %#', (key, log, expected) => {
    expect(answers({ texts: { 'dmesg.txt': log } }, `jump-label ${key}`)).toEqual([expected]);
  });
});
