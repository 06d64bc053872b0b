export { testArchitecture, type ConformanceInput } from './conformance.ts';
export { readFixtures, type FixtureModule, type Fixtures } from './fixtures.ts';
export { machineFacts, type ToldMachine } from './machine-facts.ts';
export { checkModule, type ModuleResult } from './module-check.ts';
export { checkVectors, type VectorResult } from './vector-check.ts';
export { parseVectors, type Vector, type VectorFile } from './vectors.ts';
