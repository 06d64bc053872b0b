import { testArchitecture } from '@kelp/testkit';
import { arm64 } from '../src/index.ts';
import { conformanceInput } from './conformance-input.ts';

testArchitecture(arm64, conformanceInput);
