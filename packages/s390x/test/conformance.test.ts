import { testArchitecture } from '@kelp/testkit';
import { s390x } from '../src/index.ts';
import { conformanceInput } from './conformance-input.ts';

testArchitecture(s390x, conformanceInput);
