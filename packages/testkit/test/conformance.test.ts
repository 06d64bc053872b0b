import { parseKernel } from '@kelp/core';
import { writeObjectFile, SHF_ALLOC, SHT_PROGBITS } from '@kelp/core/elf';
import { parseVectors, testArchitecture } from '../src/index.ts';
import { toy } from './toy-architecture.ts';

const place = { A: '0x0', P: '0x1100' };
const cases = [
  { type: 1, name: 'R_TOY_32', S: '0x1000', ...place, before: '00000000', after: '00100000' },
  {
    type: 1,
    name: 'R_TOY_32',
    S: '-0x1',
    ...place,
    before: '00000000',
    after: 'ffffffff',
    linker: 'accepted',
  },
  { type: 2, name: 'R_TOY_PC16DBL', S: '0x1000', ...place, before: '0000', after: '80ff' },
  { type: 2, name: 'R_TOY_PC16DBL', S: '0x1001', ...place, before: '0000', refused: true },
  { type: 1, name: 'R_TOY_32', S: '0x0', ...place, before: '00000000', after: '00000000' },
  { type: 1, name: 'R_TOY_32', S: '0xffffffff', ...place, before: '00000000', after: 'ffffffff' },
  { type: 1, name: 'R_TOY_32', S: '0x100000000', ...place, before: '00000000', refused: true },
  { type: 2, name: 'R_TOY_PC16DBL', S: '-0xef00', ...place, before: '0000', after: '0080' },
  { type: 2, name: 'R_TOY_PC16DBL', S: '0x110fe', ...place, before: '0000', after: 'ff7f' },
  {
    type: 4,
    name: 'R_TOY_NEW',
    S: '0x1000',
    ...place,
    before: '0000000000000000',
    after: '0010000000000000',
  },
];

const modinfo = Buffer.from('license=GPL\0vermagic=6.12.107 SMP\0');
const bytes = writeObjectFile({
  ...toy.elf,
  sections: [
    { name: '.modinfo', type: SHT_PROGBITS, flags: SHF_ALLOC, bytes: modinfo },
    { name: '.note.toy', type: SHT_PROGBITS, flags: SHF_ALLOC, bytes: new Uint8Array(4) },
  ],
});

// The suite itself: an architecture that keeps all its promises passes.
testArchitecture(toy, {
  vectors: parseVectors(
    JSON.stringify({ tool: 'by hand', omitted: { R_TOY_NEXT: 'no linker knows it' }, cases }),
  ),
  modules: new Map([['note.ko', { bytes, configuration: undefined }]]),
  kernels: [parseKernel('6.12', new Map([['TOY', 'y']]))],
  exceptions: { unseen: new Map([['__sites', 'the module of the test has none']]) },
  differences: new Map([['R_TOY_32', 'the kernel takes unsigned numbers, the linker negative ones too']]),
});
