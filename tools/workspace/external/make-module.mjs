// Writes toy.ko: a module of the made-up architecture in my-arch.mjs.
import { SHF_ALLOC, SHF_EXECINSTR, SHT_PROGBITS, SHT_RELA, writeObjectFile } from '@kelp/core/elf';
import { writeFileSync } from 'node:fs';

const modinfo = Buffer.from('license=GPL\0vermagic=6.12.107 SMP mod_unload \0');
const sections = [
  { name: '.modinfo', type: SHT_PROGBITS, flags: SHF_ALLOC, bytes: modinfo },
  { name: '.text', type: SHT_PROGBITS, flags: SHF_ALLOC | SHF_EXECINSTR, bytes: new Uint8Array(16) },
  {
    name: '.rela.text',
    type: SHT_RELA,
    info: 2,
    relocations: [{ offset: 4, type: 1, symbol: 1, addend: 0n }],
  },
];
const symbols = [{ name: 'target', section: 2 }];
writeFileSync('toy.ko', writeObjectFile({ machine: 65, byteOrder: 'little', sections, symbols }));
