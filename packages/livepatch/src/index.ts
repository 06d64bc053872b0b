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
