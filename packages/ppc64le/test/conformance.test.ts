import { testArchitecture } from '@kelp/testkit';
import { ppc64le } from '../src/index.ts';
import { conformanceInput } from './conformance-input.ts';

testArchitecture(ppc64le, conformanceInput);
