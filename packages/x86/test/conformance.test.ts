import { testArchitecture } from '@kelp/testkit';
import { x86 } from '../src/index.ts';
import { conformanceInput } from './conformance-input.ts';

testArchitecture(x86, conformanceInput);
