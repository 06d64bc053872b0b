import { PlacedTable, type ModuleImage, type PlacedSection } from '@kelp/core';
import { expoline, isOn } from './features.ts';
import { concatenate, relativeLongTarget } from './instructions.ts';
import { pltOf } from './linkage.ts';
import { thunk, usesThunk } from './plt.ts';
import { expolineSite } from './special-sections.ts';

/** module_finalize(): behind the last PLT entry stands what all of them jump through. */
export function writeThunk(image: ModuleImage): undefined {
  const plt = pltOf(image);
  if (plt !== undefined && usesThunk(image, plt.first, plt.thunk)) image.write(plt.thunk, thunk, 'expoline');
  return undefined;
}

/** bc 0,0x700: what follows a plain branch in the place of the longer one. */
const filler = Uint8Array.of(0x47, 0x00, 0x07, 0x00);

/** nospec_revert(), arch/s390/kernel/nospec-branch.c: without expolines, branches through thunks become plain ones. */
export function revertExpolines(image: ModuleImage, section: PlacedSection): undefined {
  const table = new PlacedTable(image, section, expolineSite);
  for (let entry = 0; entry < table.count; entry++) {
    const address = table.pointer(entry, 'insn');
    const on = image.read(address, 6);
    const off = on === undefined ? undefined : plainBranch(image, address, on);
    if (on === undefined || off === undefined || isOn(image, expoline, { address, off, on })) continue;
    image.write(address, off, 'expoline');
  }
  return undefined;
}

/** The branch that a brcl or brasl to a thunk stands for, and a nop; undefined for anything else. */
function plainBranch(image: ModuleImage, address: bigint, bytes: Uint8Array): Uint8Array | undefined {
  const [opcode, second = 0] = bytes;
  const call = (second & 0x0f) === 0x05;
  if (opcode !== 0xc0 || (!call && (second & 0x0f) !== 0x04)) return undefined;
  const register = registerOfThunk(image, relativeLongTarget(bytes, address));
  // bcr takes its condition, basr its register from the first operand.
  return register === undefined
    ? undefined
    : concatenate(Uint8Array.of(call ? 0x0d : 0x07, (second & 0xf0) | register), filler);
}

/** The register in which a thunk finds its target: exrl %r0 of a br. */
function registerOfThunk(image: ModuleImage, address: bigint): number | undefined {
  const exrl = image.read(address, 6);
  if (exrl === undefined) return registerOfName(image.functionAt(address));
  if (exrl[0] !== 0xc6 || exrl[1] !== 0x00) return undefined;
  const [opcode, operands = 0] = image.read(relativeLongTarget(exrl, address), 2) ?? [];
  return opcode === 0x07 && (operands & 0xf0) === 0xf0 ? operands & 0x0f : undefined;
}

/** With CONFIG_EXPOLINE_EXTERN thunks may stand in the kernel, where they are known by name. */
function registerOfName(name: string | undefined): number | undefined {
  const digits = /^__s390_indirect_jump_r(\d{1,2})$/u.exec(name ?? '')?.[1];
  return digits === undefined ? undefined : Number(digits);
}
