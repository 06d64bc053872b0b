import { machineFacts, type ToldMachine } from '@kelp/testkit';
import { describe, expect, test } from 'vitest';
import { arm64 } from '../src/index.ts';
import { capabilityMessages } from '../src/capability-messages.ts';

function answers(told: Partial<ToldMachine>, ...names: readonly string[]): readonly (string | undefined)[] {
  const facts = machineFacts(arm64, { release: '6.12.1', ...told });
  return names.map((name) => facts.get(`feature ${name}`)?.answer);
}

const start = '<5>[    0.000000] Linux version 6.12.1 (x) #1 SMP\n';
const detected = (text: string): string => `<6>[    0.1] CPU features: detected: ${text}\n`;

describe('messages of the kernel', () => {
  const some = detected('LSE atomic instructions') + detected('Spectre-v4');

  test('what was detected is on, and the rest off in a complete log', () => {
    const texts = { 'dmesg.txt': start + some };
    expect(answers({ texts }, 'HAS_LSE_ATOMICS', 'SPECTRE_V4', 'WORKAROUND_843419', 'BTI')).toEqual([
      'on',
      'on',
      'off',
      'off',
    ]);
  });

  test('a log that has lost its start says nothing about the rest', () => {
    expect(answers({ texts: { 'dmesg.txt': some } }, 'HAS_LSE_ATOMICS', 'BTI')).toEqual(['on', undefined]);
  });

  test('a log without any such message says nothing', () => {
    expect(answers({ texts: { 'dmesg.txt': start } }, 'HAS_LSE_ATOMICS')).toEqual([undefined]);
  });

  test('CPUs behind the description', () => {
    const texts = { 'dmesg.txt': detected('ARM erratum 843419 on CPU0-3,5') };
    expect(answers({ texts }, 'WORKAROUND_843419')).toEqual(['on']);
  });

  test('no description stands for two capabilities but those that were renamed', () => {
    const messages = new Map<string, Set<string>>();
    for (const [capability, message] of capabilityMessages)
      messages.set(message, (messages.get(message) ?? new Set()).add(capability));
    const shared = [...messages.values()].filter(({ size }) => size > 1).map((names) => [...names]);
    expect(shared).toEqual([
      ['HAS_GIC_CPUIF_SYSREGS', 'HAS_SYSREG_GIC_CPUIF'],
      ['HAS_GIC_PRIO_MASKING', 'HAS_IRQ_PRIO_MASKING'],
      ['WORKAROUND_REPEAT_TLBI', 'WORKAROUND_REPEAT_TLBI_SYNC'],
    ]);
  });
});

describe('hardware capabilities', () => {
  test('by the words of /proc/cpuinfo', () => {
    const texts = { 'cpuinfo.txt': 'processor\t: 0\nFeatures\t: fp asimd atomics bti\n' };
    expect(answers({ texts }, 'HAS_LSE_ATOMICS', 'HAS_FPSIMD', 'HAS_NO_FPSIMD', 'BTI', 'MTE')).toEqual([
      'on',
      'on',
      'off',
      'on',
      'off',
    ]);
  });

  test('by the auxiliary vector where there is no other', () => {
    const auxiliaryVector = { 16: 0x100n, 26: 0x2_0000n };
    expect(answers({ auxiliaryVector }, 'HAS_LSE_ATOMICS', 'HAS_FPSIMD', 'BTI', 'MTE')).toEqual([
      'on',
      'off',
      'on',
      'off',
    ]);
  });
});

test('interrupts are masked by priority where that is asked for', () => {
  const both = ['HAS_IRQ_PRIO_MASKING', 'HAS_GIC_PRIO_MASKING'];
  expect(answers({ texts: { cmdline: 'quiet' } }, ...both)).toEqual(['off', 'off']);
  expect(answers({ texts: { cmdline: 'irqchip.gicv3_pseudo_nmi=1' } }, ...both)).toEqual([
    undefined,
    undefined,
  ]);
});

test.each([
  ['Mitigation: PTI', 'on'],
  ['Vulnerable', 'off'],
  ['Not affected', undefined],
])('meltdown: %s', (text, expected) => {
  const texts = { 'vulnerabilities.txt': `meltdown: ${text}\n` };
  expect(answers({ texts }, 'UNMAP_KERNEL_AT_EL0')).toEqual([expected]);
});
