import type { Inspection } from './inspection.ts';

/** Version of the JSON of `kelp inspect`. */
export const inspectionSchema = 1;

/** Plain data of an inspection for `--json`: rows of tables by name, numbers of the file as numbers. */
export function inspectionJson(inspection: Inspection): Readonly<Record<string, unknown>> {
  const { architecture, kernel, inventory, special, refused } = inspection;
  return {
    schema: inspectionSchema,
    file: inspection.file,
    architecture: architecture.id,
    byteOrder: architecture.elf.byteOrder,
    type: inspection.type,
    flags: inspection.flags,
    kernel: kernel?.release ?? null,
    vermagic: inspection.vermagic ?? null,
    modinfo: inspection.modinfo,
    sections: inspection.sections,
    relocations: inventory.relocations.map(({ section, type, count }) => ({
      section,
      type,
      name: architecture.relocationType(type)?.name ?? `unknown(${type})`,
      count,
    })),
    specialSections: special.map(({ name, bytes, entrySize, count, foreignLayout, row, entries }) => ({
      name,
      bytes,
      entrySize,
      entries: count,
      foreignLayout,
      known: row !== null,
      phase: row?.phase ?? null,
      patchesCode: row?.patchesCode ?? false,
      hazard: row?.hazard.level ?? null,
      decoded: entries?.map((entry) => entry.map(({ field, value }) => ({ field, value }))) ?? null,
    })),
    neededSymbols: inspection.neededSymbols,
    loader: refused === null ? null : { accepted: refused.length === 0, refused },
    findings: inspection.findings,
  };
}
