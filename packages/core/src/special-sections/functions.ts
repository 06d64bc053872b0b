import { padding, pointer, s32, type EntryLayout } from '../entry-layout.ts';
import type { SpecialSection } from '../special-section.ts';

// Lists of functions, and text whose section says how it may be entered: constructors, unit tests, probes, fixups.

const constructorPointer: EntryLayout = {
  size: 8,
  fields: { ctor: pointer(0) },
  structure: 'include/linux/init.h ctor_fn_t',
};

function constructors(name: string): SpecialSection {
  return {
    name,
    config: 'CONSTRUCTORS',
    layouts: [constructorPointer],
    consumer: { file: 'kernel/module/main.c', symbol: 'do_mod_ctors' },
    phase: 'init',
    effect: 'Functions called before the init function.',
    hazard: { level: 'none', reason: 'The functions lie in the module itself.' },
  };
}

const suitePointer: EntryLayout = {
  size: 8,
  fields: { suite: pointer(0) },
  structure: 'include/kunit/test.h struct kunit_suite *',
};

/** Lists of functions and sections of code. */
export const functionSections: readonly SpecialSection[] = [
  constructors('.init_array'),
  constructors('.ctors'),
  {
    name: '.kunit_test_suites',
    config: 'KUNIT',
    layouts: [suitePointer],
    consumer: { file: 'lib/kunit/test.c', symbol: 'kunit_module_notify' },
    phase: 'coming',
    effect: 'Unit test suites that run when the module is loaded.',
    hazard: { level: 'none', reason: 'The suites lie in the module itself.' },
  },
  {
    name: '.kunit_init_test_suites',
    // Seen in 6.12, not in 6.1.
    applies: [{ since: '6.12' }],
    config: 'KUNIT',
    layouts: [suitePointer],
    consumer: { file: 'lib/kunit/test.c', symbol: 'kunit_module_notify' },
    phase: 'coming',
    effect: 'Unit test suites that use init memory.',
    hazard: { level: 'none', reason: 'The suites lie in the module itself.' },
  },
  {
    name: '_error_injection_whitelist',
    config: 'FUNCTION_ERROR_INJECTION',
    layouts: [
      {
        size: 16,
        fields: { addr: pointer(0), etype: s32(8), pad: padding(12, 4) },
        structure: 'include/asm-generic/error-injection.h struct error_injection_entry',
      },
    ],
    consumer: { file: 'lib/error-inject.c', symbol: 'ei_module_callback' },
    phase: 'coming',
    effect: 'Functions whose return value may be overridden by tests.',
    hazard: {
      level: 'none',
      reason: 'It names the original function; a patched one is not on the list.',
    },
  },
  {
    name: '_kprobe_blacklist',
    config: 'KPROBES',
    layouts: [
      {
        size: 8,
        fields: { addr: pointer(0) },
        structure: 'include/asm-generic/kprobes.h NOKPROBE_SYMBOL',
      },
    ],
    consumer: { file: 'kernel/kprobes.c', symbol: 'kprobes_module_callback' },
    phase: 'coming',
    effect: 'Functions that must not be probed.',
    hazard: {
      level: 'none',
      reason: 'It names the original function; a patched one is not on the list.',
    },
  },
  {
    name: '.kprobes.text',
    config: 'KPROBES',
    layouts: [],
    consumer: { file: 'kernel/kprobes.c', symbol: 'add_module_kprobe_blacklist' },
    phase: 'coming',
    effect: 'Code that must not be probed, because it runs while a probe is handled.',
    hazard: { level: 'none', reason: 'A patched function leaves the range and can be probed.' },
  },
  {
    name: '.fixup',
    layouts: [],
    phase: 'run_time',
    effect: 'Code that a fault handler continues with, named by __ex_table; newer kernels keep it in .text.',
    hazard: { level: 'none', reason: 'Ordinary code of the module.' },
  },
  {
    name: '.noinstr.text',
    layouts: [],
    consumer: { file: 'kernel/kprobes.c', symbol: 'add_module_kprobe_blacklist' },
    phase: 'coming',
    effect: 'Code that must not be instrumented or probed.',
    hazard: { level: 'none', reason: 'A patched function leaves the range and can be probed.' },
  },
];
