export { isCaptureFolder, openCaptureFolder, type CaptureFolder } from './capture-folder.ts';
export {
  compareModule,
  type ComparedModule,
  type ComparedSection,
  type ExplainedBytes,
  type SkippedSection,
  type UnexplainedBytes,
} from './comparison.ts';
export { loadWithMemory, type InferredLoad, type Inference, type ReadMemory } from './inference.ts';
export { describeMachine, type MachineDescription } from './machine-description.ts';
export { verifySnapshot, type UnverifiedModule, type VerifiedModule, type VerifyOptions } from './verify.ts';
export { sumSections, verifyJson, verifyReport, verifySchema, type VerifySums } from './verify-report.ts';
