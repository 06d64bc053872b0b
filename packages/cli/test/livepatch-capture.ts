import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, SHT_PROGBITS, writeObjectFile } from '@kelp/core/elf';
import { LateRelocations, type LivepatchSymbols } from '@kelp/loader';
import { makeCapture, regionPath, type SmallCapture } from './small-capture.ts';

/** Symbols of the target `hello`: which area has them, and where. */
const targetSymbols = [
  { name: 'next_state', area: 'text', value: 0x40n },
  { name: 'stop', area: 'text', value: 0x80n },
  { name: 'users', area: 'data', value: 0x8n },
  { name: 'events', area: 'data', value: 0x40n },
  { name: 'state_names', area: 'data', value: 0x60n },
] as const;

/** Where the areas of the target stand, or stood. */
export interface TargetPlace {
  readonly text: bigint;
  readonly data: bigint;
}

/** Symbols of the kernel that the livepatch fixtures name; `state` is there twice. */
const kernelSymbols = ['saved_command_line', 'proc_local_helper', 'state', 'state'];

/**
 * A capture of a livepatch fixture in a kernel to which nothing of it was applied late.
 *
 * @param target - where its target is loaded; absent: nowhere.
 */
export function livepatchCapture(folder: string, name: string, target?: TargetPlace): SmallCapture {
  // In reach of relocations of 32 bits, and of the data that they address by distance.
  const kernel = kernelAddresses.get(name.split('/', 1)[0] ?? '') ?? 0n;
  const more = [
    ...kernelSymbols.map((symbol, index) => ({ name: symbol, address: kernel + BigInt(index) * 64n })),
    ...(target === undefined
      ? []
      : targetSymbols.map((symbol) => ({
          name: symbol.name,
          address: target[symbol.area] + symbol.value,
          module: 'hello',
        }))),
  ];
  const capture = makeCapture(folder, name, { more });
  if (target !== undefined) {
    const modules = join(folder, 'modules.txt');
    const line = `hello 8192 0 - Live 0x${target.text.toString(16)}\n`;
    // The newest first, as in /proc/modules.
    writeFileSync(modules, line + readFileSync(modules, 'utf8'));
  }
  return capture;
}

const kernelAddresses: ReadonlyMap<string, bigint> = new Map([
  ['x86', 0xffff_ffff_8200_0000n],
  ['arm64', 0xffff_8000_7900_0000n],
  ['ppc64le', 0xc000_0000_0200_0000n],
  ['s390x', 0x3ff_7000_0000n],
]);

/** Apply the livepatch to its target at a place, and write the memory that results. */
export function applyTo(capture: SmallCapture, place: TargetPlace): void {
  const symbols: LivepatchSymbols = (_object, wanted) =>
    targetSymbols.filter(({ name }) => name === wanted).map(({ area, value }) => place[area] + value);
  const outcome = new LateRelocations(capture.loaded).apply('hello', symbols, true);
  if (outcome.status !== 'applied') throw new Error(outcome.status);
  const { image } = capture.loaded;
  for (const { path, address, size } of capture.sections.values())
    writeFileSync(path, image.read(address, size) ?? new Uint8Array());
  for (const { area, address, bytes } of image.areas) {
    if (area.init || bytes.length === 0) continue;
    writeFileSync(regionPath(capture.folder, capture.module, address), bytes);
  }
}

/** Put the file of the target into a capture. */
export function addTargetFile({ folder, loaded: { image } }: SmallCapture): void {
  const { machine, byteOrder } = image.object;
  const section = { type: SHT_PROGBITS, bytes: new Uint8Array(256), alignment: 16 };
  const bytes = writeObjectFile({
    machine,
    byteOrder,
    sections: [
      { ...section, name: '.text', flags: SHF_ALLOC | SHF_EXECINSTR },
      { ...section, name: '.data', flags: SHF_ALLOC | SHF_WRITE },
      // ppc64le wants it, and counts its stubs there.
      { ...section, name: '.stubs', flags: SHF_ALLOC | SHF_EXECINSTR, bytes: new Uint8Array() },
      { ...section, name: '.plt', flags: SHF_ALLOC | SHF_EXECINSTR, bytes: new Uint8Array(1) },
    ],
    symbols: targetSymbols.map(({ name, area, value }) => ({
      name,
      section: area === 'text' ? 1 : 2,
      value,
      binding: 1,
    })),
  });
  writeFileSync(join(folder, 'modules', 'hello.ko'), bytes);
}
