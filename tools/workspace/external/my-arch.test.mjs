// The conformance suite, as the author of a plugin outside this repository runs it.
import { parseSeries } from '@kelp/core';
import { parseVectors, testArchitecture } from '@kelp/testkit';
import { readFileSync } from 'node:fs';
import { pdp11 } from './my-arch.mjs';

// Two's complement of 32 bits: the ends of the range, and the first values that do not fit.
const place = { A: '0x0', P: '0x1000', before: '00000000' };
const cases = [
  { S: '0x1004', after: '04000000' },
  { S: '0x80000fff', after: 'ffffff7f' },
  { S: '0x80001000', refused: true },
  { S: '-0x7ffff000', after: '00000080' },
  { S: '-0x7ffff001', refused: true },
].map((one) => ({ type: 1, name: 'R_PDP11_REL32', ...place, ...one }));

testArchitecture(pdp11, {
  kernels: [parseSeries('6.12')],
  vectors: parseVectors(
    JSON.stringify({ tool: 'worked out by hand: there is no linker for a made-up architecture', cases }),
  ),
  modules: new Map([['toy.ko', { bytes: readFileSync('toy.ko'), configuration: undefined }]]),
  exceptions: {
    unseen: new Map(pdp11.specialSections.map(({ name }) => [name, 'the module has two sections only'])),
  },
});
