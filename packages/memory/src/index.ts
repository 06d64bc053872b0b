export type { AddressRange, AddressSpace, DumpFacts, LinearRange, PageTableRoot } from './address-space.ts';
export { addressSpaces } from './address-spaces.ts';
export { arm64AddressSpace, arm64PageTables } from './address-space-arm64.ts';
export { ppc64leAddressSpace, ppc64lePageTables, type PowerMmu } from './address-space-ppc64le.ts';
export { s390xAddressSpace, s390xPageTables } from './address-space-s390x.ts';
export { x86AddressSpace, x86PageTables } from './address-space-x86.ts';
export { parseBtf, type Btf, type StructType, type TypeMember } from './btf.ts';
export { isCaptureFolder, openCaptureFolder, type CaptureFolder } from './capture-folder.ts';
export { openDump, type Dump } from './dump.ts';
export type { ElfNote } from './elf-notes.ts';
export { parseKallsyms } from './kallsyms.ts';
export { openLiveKernel, type LiveKernel } from './kcore.ts';
export type { LivePaths } from './live-texts.ts';
export { KernelReader, KernelView } from './kernel-reader.ts';
export type {
  KernelSnapshot,
  LoadedModule,
  LoadedSection,
  MemoryArea,
  PerCpuBlock,
} from './kernel-snapshot.ts';
export {
  KernelSymbols,
  type KernelSymbol,
  type SymbolColumns,
  type SymbolicAddress,
} from './kernel-symbols.ts';
export {
  hex,
  layered,
  memorySource,
  type Absence,
  type AbsentPiece,
  type Gap,
  type MemoryPiece,
  type MemorySource,
  type PresentPiece,
  type ReadStart,
} from './memory-source.ts';
export { inferPerCpu } from './module-inference.ts';
export type {
  AreaLayout,
  ModuleKallsymsLayout,
  ModuleLayout,
  SectionAttributesLayout,
} from './module-layout.ts';
export {
  PageTables,
  translatedMemory,
  type EntryTest,
  type NoTranslation,
  type PageTableFormat,
  type PageTableLevel,
  type Translation,
} from './page-tables.ts';
export { parseModules, type ModuleLine, type ModuleState } from './proc-modules.ts';
export { openVmcore, type Vmcore } from './vmcore.ts';
export type { VmcoreInfo } from './vmcoreinfo.ts';
export {
  compareModule,
  type ComparedModule,
  type ComparedSection,
  type ExplainedBytes,
  type SkippedSection,
  type SkipReason,
  type UnexplainedBytes,
} from './comparison.ts';
export type { LateTargets } from './late-objects.ts';
export { loadWithMemory, type InferredLoad, type Inference, type ReadMemory } from './inference.ts';
export {
  describeMachine,
  type DescribedMachine,
  type FactAnswers,
  type MachineDescription,
} from './machine-description.ts';
export {
  isExplained,
  verifySnapshot,
  type UnverifiedModule,
  type VerifiedModule,
  type VerifyOptions,
} from './verify.ts';
export { sumSections, verifyJson, verifyReport, verifySchema, type VerifySums } from './verify-report.ts';
export type { SymbolAt } from './traced-functions.ts';
export {
  addExportsOf,
  externalSymbols,
  livepatchSymbols,
  unaidedInputOf,
  type Reload,
} from './load-input.ts';
export { generatedCodeAreas } from './generated-code.ts';
export { groupByFunction, type FunctionSums } from './function-report.ts';
export { explainAddress, type ExplainedAddress } from './address-report.ts';
export { loadJson, loadReport, loadSchema } from './load-report.ts';
export { writeImage } from './write-image.ts';
export { writeCapture, type WrittenCapture } from './write-capture.ts';
