export { readAccepted, type AcceptedDisagreement } from './accepted.ts';
export {
  parseArchitectureSource,
  type ArchitectureSource,
  type LoaderHookRow,
  type SourceSubject,
} from './architecture-source.ts';
export type { Unread } from './c/functions.ts';
export {
  compareSource,
  type ArchitectureFindings,
  type JudgedDisagreement,
  type SourceComparison,
} from './compare-source.ts';
export type { Stage } from './late/entry-points.ts';
export { estimateLateModules, type LateModulesEstimate } from './late/estimate.ts';
export type { LateCode, LineRange, StayingCode } from './late/late-code.ts';
export { lateModulesJson, lateModulesReport } from './late/late-report.ts';
export type { ListComparison } from './late/list-comparison.ts';
export type { Disagreement } from './disagreement.ts';
export {
  readLateModulesList,
  type LateModulesList,
  type ListedCode,
  type ListedKind,
} from './late-modules-list.ts';
export type { RelocationCase, RelocationSource, RelocationSwitch } from './relocation-cases.ts';
export { sourceJson, sourceReport } from './source-report.ts';
export { SourceTree } from './tree.ts';
