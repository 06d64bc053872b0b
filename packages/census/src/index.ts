export {
  censusSchema,
  type ArchitectureCounts,
  type Census,
  type Counts,
  type FailedFile,
  type FunctionCounts,
  type FunctionSectionCount,
  type KernelCounts,
  type KeyUseCount,
  type RelocationCount,
  type SectionCount,
  type SectionRelocationCount,
  type SectionShapeCount,
  type SubsystemCount,
} from './census.ts';
export { censusText } from './census-text.ts';
export { CensusBuilder, compareReleases } from './census-builder.ts';
export { FileReader } from './file-reader.ts';
export { findModules, type FoundModules } from './find-modules.ts';
export {
  compareCensuses,
  consequences,
  type Change,
  type ChangeKind,
  type Comparison,
  type Consequence,
} from './drift.ts';
export {
  applyBaseline,
  readBaseline,
  type AcceptedChange,
  type Drift,
  type JudgedChange,
} from './drift-baseline.ts';
export { driftReport } from './drift-report.ts';
export { detectTable, type DetectedTable } from './table-detector.ts';
export { functionJson, type FunctionJson } from './function-json.ts';
export { functionReport, type FunctionReportOptions } from './function-report.ts';
export {
  judgeFunctions,
  type FunctionVerdict,
  type FunctionVerdicts,
  type JudgedFunction,
} from './function-verdicts.ts';
export { keyedTables, type KeyedTable, type KeyKind } from './patching-costs.ts';
export type { FunctionInventory, KeyedFunction } from './function-inventory.ts';
export { Inventory, type ModuleInventory, type RelocationUse, type SectionUse } from './inventory.ts';
export { modulePath, shardOf } from './module-path.ts';
export { parquetTables, type ParquetTable } from './parquet.ts';
export { readFixYears, readPatchedList, type PatchedFunction } from './patched-list.ts';
export {
  patchedReport,
  summarizePatched,
  type PatchedReportOptions,
  type PatchedSummary,
} from './patched-report.ts';
export { PatchedScanner, type PatchedKernel, type PatchedState, type PatchedUse } from './patched-use.ts';
export { readCensus } from './read-census.ts';
export { FileScanner } from './scan.ts';
export { isOrdinaryName, looksSpecial, readSignals, type Signals } from './section-detector.ts';
export {
  inspect,
  type InspectedSection,
  type Inspection,
  type InspectOptions,
  type SectionHeader,
} from './inspection.ts';
export { inspectionJson, inspectionSchema } from './inspection-json.ts';
export { inspectionReport } from './inspection-report.ts';
export type { EntryFieldText } from './entry-text.ts';
export { censusReport } from './census-report.ts';
