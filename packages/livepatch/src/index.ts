export {
  readLivepatch,
  type IntermediateRelocations,
  type Livepatch,
  type LivepatchSymbol,
  type StructureKind,
} from './livepatch.ts';
export type { LivepatchFunction, LivepatchObject } from './livepatch-object.ts';
export { livepatchRelocations, type LivepatchRelocations } from './relocation-sections.ts';
export { livepatchBlocks, livepatchJson } from './livepatch-report.ts';
export { replaceFile, type FileCalls } from './replace-file.ts';
export {
  formatSymbolList,
  parseSymbolList,
  SymbolList,
  symbolListHeader,
  type SymbolProvider,
} from './symbol-list.ts';
export { SymbolCollector, type SymbolInput } from './symbol-list-sources.ts';
export { UsageBuilder, type ArchitectureUsage } from './usage.ts';
export { usageJson, usageReport, type NotCounted } from './usage-report.ts';
