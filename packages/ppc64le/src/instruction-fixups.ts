import { PlacedTable, type ModuleImage, type PatchStep } from '@kelp/core';
import { instructionPlace } from './feature-fixups.ts';
import { featureName } from './features.ts';
import { instructionSize, LWSYNC, NOP, ORI_BARRIER, words } from './instructions.ts';

/** CPU_FTR_LWSYNC. */
const lwsyncBit = 7;

/** do_lwsync_fixups(): isync in the file becomes lwsync, which all 64-bit CPUs have. */
export const applyLwsync: PatchStep = (image) => {
  const feature = featureName('CPU_FTR', lwsyncBit, image.kernel);
  for (const place of listedPlaces(image, '__lwsync_fixup')) {
    const present = image.read(place, instructionSize);
    if (present !== undefined) choose(image, feature, place, { on: words(LWSYNC), off: present }, 'lwsync');
  }
  return undefined;
};

/** do_barrier_nospec_fixups_range(): a barrier where the mitigation of Spectre v1 is on, otherwise a nop. */
export const applySpeculationBarriers: PatchStep = (image) => {
  for (const place of listedPlaces(image, '__spec_barrier_fixup')) {
    choose(
      image,
      'barrier_nospec',
      place,
      { on: words(ORI_BARRIER), off: words(NOP) },
      'speculation-barrier',
    );
  }
  return undefined;
};

/** The places of a table that holds nothing else. */
function* listedPlaces(image: ModuleImage, name: string): Generator<bigint> {
  const section = image.section(name);
  if (section === undefined) return;
  const table = new PlacedTable(image, section, instructionPlace);
  for (let entry = 0; entry < table.count; entry++) yield table.pointer(entry, 'off');
}

/** Write what a feature wants at a place, unless it is there. */
function choose(
  image: ModuleImage,
  id: string,
  address: bigint,
  { on, off }: { readonly on: Uint8Array; readonly off: Uint8Array },
  cause: string,
): void {
  const candidates = [
    { answer: 'on', bytes: on },
    { answer: 'off', bytes: off },
  ];
  const isOn = image.machine.feature(id) ?? image.ask({ kind: 'feature', id, address, candidates }) === 'on';
  const wanted = isOn ? on : off;
  const present = image.read(address, wanted.length);
  if (present !== undefined && present.some((byte, index) => byte !== wanted[index]))
    image.write(address, wanted, cause);
}
