export {
  defineArchitecture,
  requireArchitecture,
  selectArchitecture,
  type Architecture,
  type ArchitectureDefinition,
} from './architecture.ts';
export { refusedLoads, type RefusedLoad } from './acceptance.ts';
export type {
  CodeSite,
  FtraceSiteEncoder,
  JumpLabelEncoder,
  JumpLabelSite,
  StaticCallEncoder,
  StaticCallSite,
  TracedSite,
  TracingCall,
} from './code-sites.ts';
export { countEntries, decodeEntries, type Entry, type EntrySource, type Pointer } from './entry.ts';
export {
  absolute32,
  bitFields,
  characters,
  entryRelative64,
  isPointer,
  padding,
  pcRelative32,
  pcRelative64,
  pointer,
  s16,
  s32,
  s8,
  u16,
  u32,
  u64,
  u8,
  type EntryField,
  type EntryFieldKind,
  type EntryFields,
  type EntryLayout,
} from './entry-layout.ts';
export { isKelpError, KelpError, type ErrorCode, type ErrorPlace } from './errors.ts';
export { fileError } from './file-error.ts';
export {
  bits,
  extractValue,
  fieldMask,
  insertValue,
  readContainer,
  whole,
  writeContainer,
  type ByteOrder,
  type Field,
  type FieldPart,
} from './field.ts';
export {
  finalizationSteps,
  finalizeStep,
  type Finalization,
  type FinalizationOrder,
  type FinalizationStep,
  type PatchStep,
} from './finalization.ts';
export type { Finding, Place, Severity } from './finding.ts';
export { compileFormula, type Formula, type Letters } from './formula.ts';
export {
  appliesTo,
  compareKernel,
  describeApplicability,
  hasOption,
  kernelSeries,
  parseConfiguration,
  parseKernel,
  parseSeries,
  type Applicability,
  type Configuration,
  type Kernel,
  type KernelVersion,
} from './kernel.ts';
export { entrySource, relocationsOf } from './section-entries.ts';
export { kernelSort, type Sortable } from './kernel-sort.ts';
export { PlacedTable } from './placed-table.ts';
export type {
  Linkage,
  LinkageLetter,
  LinkagePlan,
  LinkedRelocation,
  Linker,
  LinkResult,
  RequiredSection,
  SectionChange,
  SymbolRule,
  LinkageSlot,
  LoaderStateChange,
} from './linkage.ts';
export {
  bootMessages,
  commandLineValue,
  countProcessors,
  cpuinfoValues,
  cpuinfoWords,
  vulnerabilities,
  type BootMessages,
} from './machine-account.ts';
export {
  callsNothing,
  machineTexts,
  type AccountedModule,
  type Machine,
  type MachineAccount,
  type MachineFact,
  type MachineSupport,
  type MachineText,
} from './machine.ts';
export {
  livepatchRelocationPrefix,
  livepatchSectionName,
  livepatchSymbolName,
  livepatchSymbolPrefix,
  objectNameLimit,
  parseLivepatchSectionName,
  parseLivepatchSymbolName,
  symbolNameLimit,
  symbolNameLimitOf,
  vmlinuxObject,
  type LivepatchSectionName,
  type LivepatchSymbolName,
} from './livepatch-names.ts';
export type {
  Candidate,
  GeneratedCode,
  ModuleImage,
  PlacedSection,
  Question,
  ReadBytes,
} from './module-image.ts';
export {
  clearSupport,
  lateStore,
  refusalMessage,
  usualAddresses,
  type ClearSupport,
  type LateStore,
  type LivepatchSample,
  type LivepatchSupport,
  type RefusalCause,
  type RefusalMessage,
  type SamplePlace,
  type UsualAddresses,
} from './livepatch-support.ts';
export {
  applyRelocation,
  clearRelocation,
  type ClearOutcome,
  type RelocationInput,
  type RelocationOutcome,
} from './relocation.ts';
export {
  aligned,
  existingZero,
  ignored,
  range,
  refused,
  relocationRule,
  relocationTable,
  signed,
  special,
  unsigned,
  write,
  type AppliedRule,
  type Errno,
  type IgnoredRule,
  type KernelSource,
  type Refusal,
  type RefusedRule,
  type RelocationRow,
  type RelocationRule,
  type RelocationSymbol,
  type RelocationType,
  type RuleText,
  type Special,
  type SpecialContext,
  type Step,
} from './relocation-type.ts';
export { genericRewrittenCode, type CodeExtent, type RewrittenCode } from './rewritten-code.ts';
export {
  countFittingEntries,
  fitLayout,
  layoutFor,
  matchesName,
  type FittedLayout,
  type Hazard,
  type Phase,
  type SpecialSection,
} from './special-section.ts';
export {
  bugEntry,
  bugEntryWithFormat,
  bugTable,
  exceptionEntry,
  exceptionTable,
  ftraceCallSites,
  functionEntryAddress,
  jumpTable,
  kcfiTraps,
  relativeJumpEntry,
  runtimeConstants,
  typedExceptionEntry,
  type CodeTable,
} from './special-sections/code-tables.ts';
export { klpFuncEntry, klpObjectEntry, klpRelocEntry } from './special-sections/livepatch.ts';
export { absoluteTables, genericSections, prel32Tables } from './special-sections/generic.ts';
export type { Capability, KernelSupport, Support, ToolSupport } from './support.ts';
export { isInRange } from './value-range.ts';
export { symbolValue } from './symbol-value.ts';
