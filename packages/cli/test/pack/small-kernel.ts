import { SHF_ALLOC, SHN_UNDEF, SHT_NOTE, SHT_PROGBITS, STB_GLOBAL, writeObjectFile } from '@kelp/core/elf';
import type { TemporaryFolder } from '../temporary-folder.ts';

export const release = '6.1.0-50-amd64';

/** A module for tests of packaging. */
export interface SmallModule {
  readonly name: string;
  readonly build: number;
  readonly aliases?: readonly string[];
  readonly exports?: readonly string[];
  readonly needs?: readonly string[];
}

const encoder = new TextEncoder();

/** The bytes of a module that kmod reads: names in modinfo, exports and needs in the symbol table. */
export function smallModule({
  name,
  build,
  aliases = [],
  exports = [],
  needs = [],
}: SmallModule): Uint8Array {
  const tags = [
    ...aliases.map((alias) => `alias=${alias}`),
    'license=GPL',
    `name=${name}`,
    `vermagic=${release} SMP `,
  ];
  const note = Uint8Array.of(4, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 0x47, 0x4e, 0x55, 0, build, 0, 0, 0);
  const names = encoder.encode(exports.map((one) => `${one}\0`).join(''));
  const progbits = { type: SHT_PROGBITS, flags: SHF_ALLOC };
  return writeObjectFile({
    machine: 62,
    byteOrder: 'little',
    sections: [
      { ...progbits, name: '.modinfo', bytes: encoder.encode(tags.map((tag) => `${tag}\0`).join('')) },
      { name: '.note.gnu.build-id', type: SHT_NOTE, flags: SHF_ALLOC, bytes: note },
      { ...progbits, name: '__ksymtab', bytes: new Uint8Array(exports.length * 12) },
      { ...progbits, name: '__ksymtab_strings', bytes: names },
    ],
    symbols: [
      ...exports.map((one, index) => ({
        name: `__ksymtab_${one}`,
        section: 3,
        value: BigInt(index * 12),
        binding: STB_GLOBAL,
      })),
      ...exports.map((one) => ({ name: one, section: 3, binding: STB_GLOBAL })),
      ...needs.map((one) => ({ name: one, section: SHN_UNDEF, reserved: true, binding: STB_GLOBAL })),
    ],
  });
}

export const target: SmallModule = {
  name: 'target',
  build: 1,
  aliases: ['pci:v00001234d0000567[89]sv*sd*bc*sc*i*', 'fs-target'],
  exports: ['target_run'],
};

/** A kernel with the target, somebody who needs it, and a module that is in the way: the folder of its modules. */
export function smallKernel(folder: TemporaryFolder): string {
  const path = `kernel/lib/modules/${release}`;
  const write = (file: string, contents: Uint8Array | string): string =>
    folder.write(`${path}/${file}`, contents);
  write('kernel/drivers/target.ko', smallModule(target));
  write('kernel/drivers/user-of.ko', smallModule({ name: 'user_of', build: 2, needs: ['target_run'] }));
  write('kernel/drivers/old.ko', smallModule({ name: 'old', build: 3, aliases: ['usb:v1234p*'] }));
  // depmod prefers the folder, but for what a package says.
  write('updates/dkms/target.ko', smallModule({ ...target, build: 4 }));
  write('modules.order', '');
  write('modules.builtin', '');
  return `${folder.path}/${path}`;
}
