export { Answers, questionKey, type Asking, type Witness } from './answers.ts';
export { changesSince, type ChangedBytes } from './changes.ts';
export { LoadedImage, type ExternalSymbols, type PlacedArea } from './image.ts';
export type {
  Cleared,
  LateFaultOutcome,
  LateOutcome,
  Misdirected,
  Mismatch,
  RelocationPlace,
} from './late-outcome.ts';
export { LateRelocations } from './late-relocations.ts';
export { lateRecords, type LateRecord } from './late-records.ts';
export { layOutModule, type Area, type SectionPlacement } from './layout.ts';
export {
  hasLivepatch,
  selectLivepatchSymbol,
  type LivepatchSymbols,
  type MissingSymbol,
} from './livepatch-symbols.ts';
export { loadModule, type LoadedModule, type LoadInput, type LoadRefusal } from './load.ts';
export { placeConsecutively } from './placement.ts';
export { WriteLog, type Write } from './write-log.ts';
