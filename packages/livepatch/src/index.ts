export type { DialectName } from './convert/conversion-plan.ts';
export { conversionBlocks, conversionJson } from './convert/conversion-report.ts';
export {
  convertRelocations,
  type Conversion,
  type ConversionInput,
  type ConvertedSection,
} from './convert/convert.ts';
export { dialectNames } from './convert/dialects.ts';
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
export {
  checkPackage,
  type KmodRun,
  type PackageCheck,
  type PackageVerdict,
  type RunKmod,
} from './pack/check-package.ts';
export type { PackagingLimit } from './pack/limits.ts';
export type { PackagePaths } from './pack/package-paths.ts';
export { packageBlocks, packageJson } from './pack/package-report.ts';
export {
  planPackage,
  type ModuleInput,
  type PackageEntry,
  type PackageInput,
  type PackageManifest,
  type PackagePlan,
  type PackedModule,
  type ReplacedModule,
} from './pack/plan-package.ts';
export { tarPackage, writePackage } from './pack/write-package.ts';
export { replaceFile, type FileCalls } from './replace-file.ts';
export {
  formatSymbolList,
  parseSymbolList,
  SymbolList,
  symbolListHeader,
  type SymbolProvider,
} from './symbol-list.ts';
export { SymbolCollector, type SymbolInput } from './symbol-list-sources.ts';
export { lint, lintRules, type LintFinding, type LintResult } from './lint/lint.ts';
export { lintReport, lintRulesJson, lintRulesReport } from './lint/lint-report.ts';
export type { LintInput } from './lint/context.ts';
export type { LintRule, Moment } from './lint/rule.ts';
export { UsageBuilder, type ArchitectureUsage } from './usage.ts';
export { usageJson, usageReport, type NotCounted } from './usage-report.ts';
export { planClear, type ClearPlan } from './lifecycle/clear.ts';
export { clearReport } from './lifecycle/clear-report.ts';
export { clearJson, lifecycleJson } from './lifecycle/lifecycle-json.ts';
export { lifecycleReport } from './lifecycle/lifecycle-report.ts';
export type { Played } from './lifecycle/instance.ts';
export { PatchedKernel, type PatchModule, type PlacePatch } from './lifecycle/patched-kernel.ts';
export {
  playLifecycle,
  type LifeFaults,
  type Lifecycle,
  type StepOutcome,
  type StepWatcher,
} from './lifecycle/play.ts';
export { setUpScene, type Scene, type SceneInput } from './lifecycle/scene.ts';
export { allOrders, parseSteps, stepNames, usualSteps, type Step, type StepName } from './lifecycle/steps.ts';
export { strategies, strategyNamed, type Strategy } from './lifecycle/strategies.ts';
export {
  livepatchConfiguration,
  type ModuleMemory,
  type Surroundings,
  type SymbolAddresses,
} from './lifecycle/surroundings.ts';
export type { ModuleSymbols, TargetModule } from './lifecycle/target-module.ts';
export type {
  StepEffects,
  StepErrno,
  StepFault,
  StepRefusal,
  StepSkipped,
  StepVerdict,
} from './lifecycle/verdict.ts';
export { costsOf, type Costs } from './lifecycle/costs.ts';
export { earlyGain, type EarlyGain, type SectionGain } from './lifecycle/early-gain.ts';
export { gatherEvidence, type SampleEvidence } from './proposals/evidence.ts';
export { proposalsJson, proposalsReport } from './proposals/proposals-report.ts';
