/** A step of the thought experiment: what could go, and under which condition. */
export type Stage = 'hooks' | 'late-relocation' | 'absent-objects';

/** What each stage takes away. */
export const stages: Readonly<Record<Stage, string>> = {
  hooks: 'No module is patched or unpatched while it is loaded or unloaded.',
  'late-relocation':
    'All targets are present when a livepatch is loaded, so that its relocations are written with all others, before its text is read-only.',
  'absent-objects': 'A livepatch names only objects that are loaded.',
};

/** The stages in order. */
export const stageNames: readonly Stage[] = ['hooks', 'late-relocation', 'absent-objects'];

/** A function that goes, or that goes when nobody else reads a field that it alone fills. */
export interface EntryPoint {
  readonly stage: Stage;
  readonly function: string;
  /** `STRUCTURE.FIELD`: the function goes when only functions that go read the field. */
  readonly fills?: string;
  readonly reason: string;
}

/** An expression whose value is known once a stage is reached. */
export interface Assumption {
  readonly stage: Stage;
  /** As the source writes it, tokens parted by blanks: `me -> state == MODULE_STATE_UNFORMED`. */
  readonly expression: string;
  readonly value: boolean;
  /** Files in which it holds; absent: all that are read. */
  readonly files?: readonly string[];
  /** Functions in which it holds; absent: all. */
  readonly functions?: readonly string[];
  readonly reason: string;
}

/** Files that are read in any tree, besides those of the architectures. */
export const genericFiles = {
  folders: ['kernel/livepatch', 'kernel/module'],
  headers: [
    'include/linux/livepatch.h',
    'include/linux/livepatch_sched.h',
    'include/linux/module.h',
    'include/linux/moduleloader.h',
  ],
};

export const entryPoints: readonly EntryPoint[] = [
  {
    stage: 'hooks',
    function: 'klp_module_coming',
    reason: 'The loader calls it for each module that comes.',
  },
  { stage: 'hooks', function: 'klp_module_going', reason: 'The loader calls it for each module that goes.' },
  {
    stage: 'late-relocation',
    function: 'klp_apply_object_relocs',
    reason: 'It writes relocations against a target into a livepatch that is relocated already.',
  },
  {
    stage: 'late-relocation',
    function: 'copy_module_elf',
    fills: 'module.klp_info',
    reason: 'It keeps section headers for relocation after loading.',
  },
  {
    stage: 'late-relocation',
    function: 'free_module_elf',
    fills: 'module.klp_info',
    reason: 'It frees what copy_module_elf() keeps.',
  },
];

export const assumptions: readonly Assumption[] = [
  {
    stage: 'late-relocation',
    expression: 'is_livepatch_module ( mod )',
    value: false,
    files: ['kernel/module/kallsyms.c'],
    reason: 'All symbols of a livepatch are kept so that relocation after loading finds them by their index.',
  },
  {
    stage: 'absent-objects',
    expression: 'klp_is_object_loaded ( obj )',
    value: true,
    reason: 'Every object is loaded.',
  },
];

/** Fields that code of livepatching fills and reads: those of these structures that stand under CONFIG_LIVEPATCH. */
export const watchedStructure = {
  file: 'include/linux/module.h',
  name: 'module',
  option: 'CONFIG_LIVEPATCH',
};
