import { absolute32, pcRelative32, pointer, u32, u8, type EntryLayout } from '../entry-layout.ts';
import type { SpecialSection } from '../special-section.ts';

// Symbols that a module exports.

const checksumLayouts: readonly EntryLayout[] = [
  // Until 5.18 the linker fills in the absolute symbol __crc_NAME; modpost writes plain numbers since.
  {
    applies: [{ before: '5.19' }],
    size: 4,
    fields: { crc: absolute32(0) },
    structure: 'include/linux/export.h __CRC_SYMBOL',
  },
  {
    applies: [{ since: '5.19' }],
    size: 4,
    fields: { crc: u32(0) },
    structure: 'include/linux/export-internal.h SYMBOL_CRC',
  },
];

/** Parts of the export tables that are the same on every architecture. */
export const exportSections: readonly SpecialSection[] = [
  {
    name: '__kcrctab',
    config: 'MODVERSIONS',
    layouts: checksumLayouts,
    consumer: { file: 'kernel/module/version.c', symbol: 'check_version' },
    phase: 'find_module_sections',
    effect: 'Checksum of each symbol in __ksymtab, same index; compared when another module needs the symbol.',
    hazard: { level: 'none', reason: 'A livepatch exports nothing.' },
  },
  {
    name: '__kcrctab_gpl',
    // Seen in 6.12, not in 7.2.
    applies: [{ before: '7.2' }],
    config: 'MODVERSIONS',
    layouts: checksumLayouts,
    consumer: { file: 'kernel/module/version.c', symbol: 'check_version' },
    phase: 'find_module_sections',
    effect: 'Checksum of each symbol in __ksymtab_gpl, same index.',
    hazard: { level: 'none', reason: 'A livepatch exports nothing.' },
  },
  {
    name: '__kflagstab',
    // Seen in 7.2, not in 6.12.
    applies: [{ since: '7.2' }],
    layouts: [
      {
        size: 1,
        fields: { flags: u8(0) },
        structure: 'include/linux/module_symbol.h KSYM_FLAG_GPL_ONLY',
      },
    ],
    consumer: { file: 'kernel/module/main.c', symbol: 'find_exported_symbol_in_section' },
    phase: 'find_module_sections',
    effect: 'Flags of each symbol in __ksymtab, same index: whether it is for GPL modules only.',
    hazard: {
      level: 'none',
      reason: 'A livepatch exports nothing; a tool that drops an export must drop its flag too, or licenses shift.',
    },
  },
  {
    name: '__ksymtab_strings',
    layouts: [],
    consumer: { file: 'kernel/module/main.c', symbol: 'find_module_sections' },
    phase: 'find_module_sections',
    effect: 'Names and namespaces of exported symbols, reached through __ksymtab.',
    hazard: { level: 'none', reason: 'Strings only.' },
  },
];

/** __ksymtab and, before 7.2, __ksymtab_gpl. */
function exportTables(layout: EntryLayout): readonly SpecialSection[] {
  const table = {
    layouts: [layout],
    consumer: { file: 'kernel/module/main.c', symbol: 'verify_exported_symbols' },
    phase: 'find_module_sections',
  } as const;
  return [
    {
      ...table,
      name: '__ksymtab',
      effect: 'Exported symbols, sorted by name by the build: value, name, namespace.',
      hazard: {
        level: 'data',
        reason: 'A livepatch must not export; a symbol newly exported by a patched module stays invisible.',
      },
    },
    {
      ...table,
      name: '__ksymtab_gpl',
      // Seen in 6.12, not in 7.2, where the loader only warns of an obsolete section.
      applies: [{ before: '7.2' }],
      effect: 'Exported symbols for GPL modules; merged into __ksymtab with __kflagstab later.',
      hazard: {
        level: 'data',
        reason: 'A livepatch must not export; a symbol newly exported by a patched module stays invisible.',
      },
    },
  ];
}

/** Export tables of architectures with HAVE_ARCH_PREL32_RELOCATIONS. */
export const prel32ExportTables = exportTables({
  size: 12,
  fields: {
    valueOffset: pcRelative32(0),
    nameOffset: pcRelative32(4),
    namespaceOffset: pcRelative32(8),
  },
  structure: 'kernel/module/internal.h struct kernel_symbol',
});

/** Export tables of architectures without HAVE_ARCH_PREL32_RELOCATIONS. */
export const absoluteExportTables = exportTables({
  size: 24,
  fields: { value: pointer(0), name: pointer(8), namespace: pointer(16) },
  structure: 'kernel/module/internal.h struct kernel_symbol',
});
