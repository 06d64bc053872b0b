import type { SpecialSection } from '../special-section.ts';
import { dataPlacementSections } from './data-placement.ts';
import { debuggingSections } from './debugging.ts';
import { absoluteExportTables, exportSections, prel32ExportTables } from './exports.ts';
import { functionSections } from './functions.ts';
import { livepatchSections } from './livepatch.ts';
import { moduleInformationSections } from './module-information.ts';
import { absolutePciFixups, prel32PciFixups } from './pci-fixups.ts';
import { absoluteTracepointPointers, prel32TracepointPointers, tracingSections } from './tracing.ts';

/** Rows that are the same on every architecture. */
export const genericSections: readonly SpecialSection[] = [
  ...moduleInformationSections,
  ...exportSections,
  ...tracingSections,
  ...debuggingSections,
  ...dataPlacementSections,
  ...functionSections,
  ...livepatchSections,
];

/** Tables of 32-bit pc-relative references: architectures with HAVE_ARCH_PREL32_RELOCATIONS. */
export const prel32Tables: readonly SpecialSection[] = [...prel32ExportTables, prel32TracepointPointers, prel32PciFixups];

/** The same tables with 64-bit pointers: architectures without HAVE_ARCH_PREL32_RELOCATIONS. */
export const absoluteTables: readonly SpecialSection[] = [...absoluteExportTables, absoluteTracepointPointers, absolutePciFixups];
