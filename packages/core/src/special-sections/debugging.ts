import { bitFields, padding, pointer, s32, u32, u64 } from '../entry-layout.ts';
import type { SpecialSection } from '../special-section.ts';

// Dynamic debug, printk index, BTF.

/** Tables for debugging and type information. */
export const debuggingSections: readonly SpecialSection[] = [
  {
    name: '__dyndbg',
    config: 'DYNAMIC_DEBUG',
    layouts: [
      {
        size: 56,
        fields: {
          modname: pointer(0),
          function: pointer(8),
          filename: pointer(16),
          format: pointer(24),
          // lineno:18, class_id:6 (since 6.1), flags:8.
          linenoClassIdFlags: bitFields(32, 4),
          pad: padding(36, 4),
          // The static key of the call site.
          keyEnabled: s32(40),
          keyPad: padding(44, 4),
          keyType: u64(48),
        },
        structure: 'include/linux/dynamic_debug.h struct _ddebug',
      },
    ],
    consumer: { file: 'lib/dynamic_debug.c', symbol: 'ddebug_add_module' },
    phase: 'coming',
    effect:
      'Adds the pr_debug() call sites of the module to the control file. The static key inside is the key of most jump table entries.',
    hazard: {
      level: 'data',
      reason: 'Its keys are reached through __jump_table: a relocation against a key of the target module comes too late.',
    },
  },
  {
    name: '__dyndbg_classes',
    applies: [{ since: '6.1' }],
    config: 'DYNAMIC_DEBUG',
    layouts: [
      {
        size: 56,
        fields: {
          linkNext: u64(0),
          linkPrev: u64(8),
          mod: pointer(16),
          modName: pointer(24),
          classNames: pointer(32),
          length: s32(40),
          base: s32(44),
          mapType: u32(48),
          pad: padding(52, 4),
        },
        structure: 'include/linux/dynamic_debug.h struct ddebug_class_map',
      },
    ],
    consumer: { file: 'lib/dynamic_debug.c', symbol: 'ddebug_attach_module_classes' },
    phase: 'coming',
    effect: 'Names of the debug classes of a module, such as those of DRM.',
    hazard: { level: 'data', reason: 'Read before late relocations are written.' },
  },
  {
    name: '.printk_index',
    applies: [{ since: '5.15' }],
    config: 'PRINTK_INDEX',
    layouts: [
      {
        size: 8,
        fields: { entry: pointer(0) },
        structure: 'include/linux/printk.h struct pi_entry *',
      },
    ],
    consumer: { file: 'kernel/printk/index.c', symbol: 'pi_module_notify' },
    phase: 'coming',
    effect: 'Lists the printk() formats of the module in debugfs.',
    hazard: { level: 'none', reason: 'The entries lie in the module itself.' },
  },
  {
    name: '.BTF',
    applies: [{ since: '5.11' }],
    config: 'DEBUG_INFO_BTF_MODULES',
    layouts: [],
    consumer: { file: 'kernel/bpf/btf.c', symbol: 'btf_module_notify' },
    phase: 'coming',
    effect: 'Type information, copied by the kernel; its base must be the BTF of the running kernel. Not allocated.',
    hazard: { level: 'none', reason: 'It has no relocations.' },
  },
  {
    name: '.BTF.base',
    // Seen in 6.12, not in 6.1.
    applies: [{ since: '6.12' }],
    config: 'DEBUG_INFO_BTF_MODULES',
    layouts: [],
    consumer: { file: 'kernel/bpf/btf.c', symbol: 'btf_module_notify' },
    phase: 'coming',
    effect: 'The part of the base BTF that .BTF refers to, so that a module survives a changed kernel BTF. Not allocated.',
    hazard: { level: 'none', reason: 'It has no relocations.' },
  },
  {
    name: '.BTF_ids',
    config: 'DEBUG_INFO_BTF',
    layouts: [
      {
        size: 4,
        fields: { word: u32(0) },
        structure: 'include/linux/btf_ids.h struct btf_id_set8',
      },
    ],
    consumer: { file: 'kernel/bpf/btf.c', symbol: 'register_btf_kfunc_id_set' },
    phase: 'run_time',
    effect: 'Words filled by resolve_btfids: lists and sets of type numbers that code registers.',
    hazard: { level: 'none', reason: 'The numbers belong to the BTF of the same module.' },
  },
];
