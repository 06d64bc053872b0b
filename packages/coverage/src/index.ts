export { buildMatrix, checkedKernels, type CoverageSubject, type MatrixOptions } from './build-matrix.ts';
export {
  checks,
  codeFor,
  currentEvidence,
  featureDigest,
  parseEvidence,
  type Check,
  type Evidence,
  type EvidenceFile,
  type EvidenceSource,
} from './evidence.ts';
export { matrixPage, matrixReport, type MatrixReportOptions } from './matrix-report.ts';
export { featuresOf, type Feature, type FeatureKind } from './feature.ts';
export {
  matrixSchema,
  type CoverageMatrix,
  type Gap,
  type KernelCell,
  type MatrixCell,
  type MatrixRow,
  type OutsideRelease,
  type ToolCell,
  type UsageCell,
} from './matrix.ts';
export { explain, type ExplainedFeature, type Explanation } from './explain.ts';
export { explainReport } from './explain-report.ts';
