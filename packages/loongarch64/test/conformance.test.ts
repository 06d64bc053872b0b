import { testArchitecture } from '@kelp/testkit';
import { loongarch64 } from '../src/index.ts';
import { conformanceInput } from './conformance-input.ts';

testArchitecture(loongarch64, conformanceInput);
