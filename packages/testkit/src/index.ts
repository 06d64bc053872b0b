export { testArchitecture } from './conformance.ts';
export { describeFlags, shownFlags, type Flag } from './capabilities.ts';
export {
  conformanceChecks,
  conformanceFailures,
  openInput,
  type CheckSubject,
  type ConformanceCheck,
  type ConformanceInput,
  type OpenedInput,
} from './check-architecture.ts';
export type { Failure } from './failure.ts';
export { readFixtures, type FixtureModule, type Fixtures } from './fixtures.ts';
export { machineFacts, type ToldMachine } from './machine-facts.ts';
export { type MemoryFixture } from './memory-fixture.ts';
export { checkModule, type ModuleResult } from './module-check.ts';
export { checkVectors, type VectorResult } from './vector-check.ts';
export { parseVectors, type Vector, type VectorFile } from './vectors.ts';
