import { characters, padding, pointer, s8, u16, u32, u64, u8 } from '../entry-layout.ts';
import type { SpecialSection } from '../special-section.ts';

// What a module says about itself: tags, symbol versions, parameters, struct module, notes.

const nothing = 'The loader reads plain bytes; no relocation of a livepatch lands here.';

function notes(name: string): SpecialSection {
  return {
    name,
    layouts: [],
    consumer: { file: 'kernel/module/sysfs.c', symbol: 'add_notes_attrs' },
    phase: 'init',
    effect: 'ELF notes: build ID, build salt, properties. Shown in sysfs.',
    hazard: { level: 'none', reason: nothing },
  };
}

/** Sections in which a module describes itself. */
export const moduleInformationSections: readonly SpecialSection[] = [
  {
    name: '.modinfo',
    layouts: [],
    consumer: { file: 'kernel/module/main.c', symbol: 'setup_modinfo' },
    phase: 'early_checks',
    effect: 'NUL-terminated tag=value strings: vermagic, license, depends; livepatch=Y makes a livepatch. Not kept in memory.',
    hazard: { level: 'none', reason: nothing },
  },
  {
    name: '__versions',
    config: 'MODVERSIONS',
    layouts: [
      {
        size: 64,
        fields: { crc: u64(0), name: characters(8, 56) },
        structure: 'include/linux/module.h struct modversion_info',
      },
    ],
    consumer: { file: 'kernel/module/version.c', symbol: 'check_version' },
    phase: 'relocate',
    effect: 'Checksum of every symbol that the module needs, compared while symbols are resolved. Not kept in memory.',
    hazard: { level: 'none', reason: nothing },
  },
  {
    name: '__version_ext_crcs',
    applies: [{ since: '6.14' }],
    config: 'EXTENDED_MODVERSIONS',
    layouts: [
      {
        size: 4,
        fields: { crc: u32(0) },
        structure: 'kernel/module/internal.h struct modversion_info_ext',
      },
    ],
    consumer: { file: 'kernel/module/version.c', symbol: 'modversion_ext_start' },
    phase: 'relocate',
    effect: 'Checksums of needed symbols whose names may be longer than __versions allows; same order as __version_ext_names.',
    hazard: { level: 'none', reason: nothing },
  },
  {
    name: '__version_ext_names',
    applies: [{ since: '6.14' }],
    config: 'EXTENDED_MODVERSIONS',
    layouts: [],
    consumer: { file: 'kernel/module/version.c', symbol: 'modversion_ext_start' },
    phase: 'relocate',
    effect: 'NUL-terminated names, one for each checksum of __version_ext_crcs.',
    hazard: { level: 'none', reason: nothing },
  },
  {
    name: '__param',
    layouts: [
      {
        size: 40,
        fields: {
          name: pointer(0),
          mod: pointer(8),
          ops: pointer(16),
          perm: u16(24),
          level: s8(26),
          flags: u8(27),
          pad: padding(28, 4),
          // Null where a parameter has no variable of its own.
          arg: pointer(32, { optional: true }),
        },
        structure: 'include/linux/moduleparam.h struct kernel_param',
      },
    ],
    consumer: { file: 'kernel/params.c', symbol: 'parse_args' },
    phase: 'init',
    effect: 'Sets parameters from the command line and makes their files in sysfs, before the init function runs.',
    hazard: {
      level: 'data',
      reason: 'Patched functions refer to the variable behind arg, not to the entry; a copied entry is a second parameter.',
    },
  },
  {
    name: '.gnu.linkonce.this_module',
    layouts: [],
    consumer: { file: 'kernel/module/main.c', symbol: 'load_module' },
    phase: 'early_checks',
    effect: 'struct module; its size depends on version and configuration. Relocations fill only its init and exit pointers.',
    hazard: {
      level: 'none',
      reason: 'The size must be that of the running kernel, which newer loaders check.',
    },
  },
  ...['.note.gnu.build-id', '.note.Linux', '.note.gnu.property'].map(notes),
];
