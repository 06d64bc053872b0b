import { padding, pointer, u32, u64, u8, type EntryLayout } from '../entry-layout.ts';
import type { SpecialSection } from '../special-section.ts';

// Sections of livepatch modules, and what the tools leave in them on the way.

const madeByTool = 'The livepatch build tool writes it; nothing refers to the target module.';

/** An object in `.init.klp_objects`. `name` is empty for vmlinux. */
export const klpObjectEntry = {
  size: 64,
  fields: {
    name: pointer(0, { optional: true }),
    funcs: pointer(8, { optional: true }),
    prePatch: pointer(16, { optional: true }),
    postPatch: pointer(24, { optional: true }),
    preUnpatch: pointer(32, { optional: true }),
    postUnpatch: pointer(40, { optional: true }),
    postUnpatchEnabled: u8(48),
    callbacksPad: padding(49, 7),
    nrFuncs: u32(56),
    pad: padding(60, 4),
  },
  structure: 'include/linux/livepatch_external.h struct klp_object_ext',
} as const satisfies EntryLayout;

/** A function in `.init.klp_funcs`. */
export const klpFuncEntry = {
  size: 24,
  fields: { oldName: pointer(0), newFunc: pointer(8), sympos: u64(16) },
  structure: 'include/linux/livepatch_external.h struct klp_func_ext',
} as const satisfies EntryLayout;

/** A relocation in `__klp_relocs`, before objtool klp post-link. */
export const klpRelocEntry = {
  size: 24,
  fields: { offset: pointer(0), sym: pointer(8), type: u32(16), pad: padding(20, 4) },
  structure: 'tools/objtool/include/objtool/klp.h struct klp_reloc',
} as const satisfies EntryLayout;

/** Sections of livepatches and of their build. */
export const livepatchSections: readonly SpecialSection[] = [
  {
    name: '.klp.rela.*',
    config: 'LIVEPATCH',
    layouts: [],
    consumer: { file: 'kernel/livepatch/core.c', symbol: 'klp_apply_section_relocs' },
    phase: 'run_time',
    patchesCode: true,
    effect:
      'Relocations against symbols of an object, .klp.rela.OBJECT.SECTION: those of vmlinux are applied with the ordinary ones, those of a module when the livepatch is enabled or the module loads.',
    hazard: {
      level: 'none',
      reason: 'This is the mechanism itself: it is the section named in sh_info that can be special.',
    },
  },
  {
    name: '.init.klp_objects',
    applies: [{ since: '6.19' }],
    config: 'KLP_BUILD',
    layouts: [klpObjectEntry],
    consumer: { file: 'scripts/livepatch/init.c', symbol: 'livepatch_mod_init' },
    phase: 'init',
    effect: 'Objects that the livepatch changes; the init function builds struct klp_patch from them.',
    hazard: { level: 'none', reason: madeByTool },
  },
  {
    name: '.init.klp_funcs',
    applies: [{ since: '6.19' }],
    config: 'KLP_BUILD',
    layouts: [klpFuncEntry],
    consumer: { file: 'scripts/livepatch/init.c', symbol: 'livepatch_mod_init' },
    phase: 'init',
    effect: 'Functions that the livepatch replaces: name, position among equal names, replacement.',
    hazard: { level: 'none', reason: madeByTool },
  },
  {
    name: '.rodata.klp.str1.1',
    applies: [{ since: '6.19' }],
    config: 'KLP_BUILD',
    layouts: [],
    consumer: { file: 'scripts/livepatch/init.c', symbol: 'livepatch_mod_init' },
    phase: 'init',
    effect: 'Names of patched objects and functions.',
    hazard: { level: 'none', reason: madeByTool },
  },
  {
    // One section for all objects at first, later __klp_relocs.OBJECT.
    name: '__klp_relocs*',
    applies: [{ since: '6.19' }],
    config: 'KLP_BUILD',
    layouts: [klpRelocEntry],
    consumer: { file: 'tools/objtool/klp-post-link.c', symbol: 'cmd_klp_post_link' },
    phase: 'build',
    effect: 'Relocations of one object before objtool klp post-link turns them into .klp.rela sections.',
    hazard: { level: 'none', reason: madeByTool },
  },
  {
    name: '.klp.symid',
    // Seen in 7.2, not in 6.12.
    applies: [{ since: '7.2' }],
    config: 'KLP_BUILD',
    layouts: [
      {
        size: 16,
        fields: { id: u64(0), addr: pointer(8) },
        structure: 'tools/objtool/include/objtool/klp.h struct klp_symid',
      },
    ],
    consumer: { file: 'tools/objtool/klp-sympos.c', symbol: 'klp_find_sympos' },
    phase: 'build',
    effect: 'Links symbols of vmlinux.o to those of vmlinux, to tell equal names apart.',
    hazard: { level: 'none', reason: madeByTool },
  },
  {
    name: '.discard.*',
    layouts: [],
    consumer: { file: 'scripts/module.lds.S' },
    phase: 'build',
    effect: 'Annotations for objtool; the linker drops them, so no finished module has any.',
    hazard: { level: 'none', reason: 'Not part of a finished module.' },
  },
];
