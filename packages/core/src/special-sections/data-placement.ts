import { pointer, u32 } from '../entry-layout.ts';
import type { KernelSource } from '../relocation-type.ts';
import type { SpecialSection } from '../special-section.ts';

// Plain data whose section name decides where it lives or when it becomes read-only.

const markReadOnly: KernelSource = {
  file: 'kernel/module/main.c',
  symbol: 'module_mark_ro_after_init',
};

/** A section of variables that the loader treats as data, whatever its name is for in the kernel image. */
function variables(name: string, effect: string): SpecialSection {
  return {
    name,
    layouts: [],
    phase: 'layout',
    effect,
    hazard: {
      level: 'data',
      reason: 'A late relocation changes a variable that code may have read before.',
    },
  };
}

/** Sections of variables, and tables of variables that the loader prepares. */
export const dataPlacementSections: readonly SpecialSection[] = [
  {
    name: '.data..percpu',
    config: 'SMP',
    layouts: [],
    consumer: { file: 'kernel/module/main.c', symbol: 'percpu_modcopy' },
    phase: 'post_relocation',
    effect: 'Template of the per-CPU variables, copied for every CPU after relocation. Not kept in module memory.',
    hazard: {
      level: 'data',
      reason: 'A late relocation changes the template only, not the copies that the CPUs use.',
    },
  },
  {
    name: '.data..ro_after_init',
    layouts: [],
    consumer: markReadOnly,
    phase: 'layout',
    effect: 'Variables that become read-only after the init function has run.',
    hazard: {
      level: 'data',
      reason: 'The target is read-only by then: where the architecture has no store for read-only memory, a late relocation faults.',
    },
  },
  variables('.data..read_mostly', 'Variables that are written rarely.'),
  variables('.data..cacheline_aligned', 'Variables that start a cache line.'),
  // Named .data.once before 6.12.
  variables('.data..once', 'Flags of warnings and messages that appear once.'),
  variables('.data.once', 'Flags of warnings and messages that appear once; older name of .data..once.'),
  variables('.data..do_once', 'Flags and keys of DO_ONCE().'),
  {
    name: '.codetag.alloc_tags',
    // Seen in 7.2; in 6.12 the entries lie in .data.
    applies: [{ since: '7.2' }],
    config: 'MEM_ALLOC_PROFILING',
    layouts: [
      {
        size: 40,
        fields: {
          flags: u32(0),
          lineno: u32(4),
          modname: pointer(8),
          function: pointer(16),
          filename: pointer(24),
          counters: pointer(32, { optional: true }),
        },
        structure: 'include/linux/alloc_tag.h struct alloc_tag',
      },
    ],
    consumer: { file: 'lib/codetag.c', symbol: 'codetag_load_module' },
    phase: 'init',
    effect: 'Counters of memory allocated at each call site; may outlive the module.',
    hazard: {
      level: 'data',
      reason: 'Copied code counts on the copy of its tag, not on the original.',
    },
  },
  {
    name: '___srcu_struct_ptrs',
    config: 'TREE_SRCU',
    layouts: [
      {
        size: 8,
        fields: { srcuStruct: pointer(0) },
        structure: 'include/linux/srcutree.h struct srcu_struct *',
      },
    ],
    consumer: { file: 'kernel/rcu/srcutree.c', symbol: 'srcu_module_notify' },
    phase: 'coming',
    effect: 'Initializes the static SRCU structures of the module.',
    hazard: { level: 'data', reason: 'Read before late relocations are written.' },
  },
];
