import { readContainer, writeContainer, type Special, type SpecialContext } from '@kelp/core';
import { ftraceCallers } from './ftrace-callers.ts';
import { ADD_R2_R12, isRelativeLinkBranch, LD_R2_SAVED, NOP } from './instructions.ts';

// What apply_relocate_add() of arch/powerpc/kernel/module_64.c does beside storing one field.

/** restore_r2() before 6.3: an instruction that an earlier application wrote is refused. */
export const restoreR2Once: Special = restoreR2({
  name: 'restore-r2-once',
  accepted: [],
  description:
    'After a call to an external symbol the next instruction must be a nop, which becomes ld r2,24(r1). ' +
    'Nothing else is accepted, so that a call cannot be relocated twice.',
});

/** restore_r2() since 6.3: a livepatch may be relocated again when its target module comes back. */
export const restoreR2Again: Special = restoreR2({
  name: 'restore-r2-again',
  accepted: [LD_R2_SAVED],
  description:
    'After a call to an external symbol the next instruction must be a nop, which becomes ld r2,24(r1), ' +
    'or that instruction already.',
});

function restoreR2(
  variant: Pick<Special, 'name' | 'description'> & { readonly accepted: readonly number[] },
): Special {
  const { name, description, accepted } = variant;
  return {
    name,
    description,
    apply(context) {
      if (!clobbersR2(context)) return undefined;
      const next = wordAfter(context);
      if (next === NOP) writeWord(context, 4, LD_R2_SAVED);
      else if (next === undefined || !accepted.includes(next)) {
        const found = next === undefined ? 'the end of the section' : `0x${next.toString(16)}`;
        return { errno: 'ENOEXEC', reason: `a nop must follow the call, found ${found}` };
      }
      return undefined;
    },
    clear(context) {
      if (clobbersR2(context) && wordAfter(context) === LD_R2_SAVED) writeWord(context, 4, NOP);
    },
  };
}

/** The callee may return with another r2: the branch goes through a stub, and it comes back. */
function clobbersR2(context: SpecialContext): boolean {
  const { external, name } = context.symbol;
  return external && !ftraceCallers.has(withoutDot(name)) && isRelativeLinkBranch(readWord(context, 0));
}

/** dedotify(): a leading dot, the mark of code of the first ELF ABI, is not part of a name. */
function withoutDot(name: string): string {
  return name.startsWith('.') ? name.slice(1) : name;
}

function wordAfter(context: SpecialContext): number | undefined {
  return context.offset + 8 <= context.bytes.length ? readWord(context, 4) : undefined;
}

/** `ld r2,0(r12)`, without the displacement. */
const loadTocDistance = 0xe84c_0000;
/** Bits of an instruction that hold a displacement in multiples of four. */
const displacement = 0xfffc;
/** `addis r2,r12,0` and `addi r2,r2,0`. */
const [addHigh, addLow] = [0x3c4c_0000, 0x3842_0000];

/** The optimization of R_PPC64_ENTRY. */
export const entryPrologue: Special = {
  name: 'entry-prologue',
  description:
    'Where the TOC is in reach and the place holds ld r2,x(r12) and add r2,r2,r12, the prologue of the large code model, ' +
    'they become addis r2,r12,ha(TOC - P) and addi r2,r2,lo(TOC - P). Anything else is left as it is. ' +
    'Undone, the displacement x is -8: compilers keep the distance to the TOC in the doubleword before the function.',
  apply(context) {
    const rewritten = computedPrologue(context.value);
    const isLarge =
      (readWord(context, 0) & ~displacement) >>> 0 === loadTocDistance && readWord(context, 4) === ADD_R2_R12;
    if (rewritten === undefined || !isLarge) return undefined;
    writeWord(context, 0, rewritten[0]);
    writeWord(context, 4, rewritten[1]);
    return undefined;
  },
  clear(context) {
    const rewritten = computedPrologue(context.value);
    if (rewritten === undefined) return;
    if (readWord(context, 0) !== rewritten[0] || readWord(context, 4) !== rewritten[1]) return;
    writeWord(context, 0, loadTocDistance | (-8 & displacement));
    writeWord(context, 4, ADD_R2_R12);
  },
};

/** The two instructions that add a distance to r12, or undefined where addis and addi cannot express it. */
function computedPrologue(distance: bigint): readonly [number, number] | undefined {
  if (distance < -0x8000_8000n || distance > 0x7fff_7fffn) return undefined;
  const high = Number(((distance + 0x8000n) >> 16n) & 0xffffn);
  const low = Number(distance & 0xffffn);
  return [addHigh + high, addLow + low];
}

function readWord({ bytes, offset, byteOrder }: SpecialContext, at: number): number {
  return Number(readContainer(bytes, offset + at, 4, byteOrder));
}

function writeWord({ bytes, offset, byteOrder }: SpecialContext, at: number, word: number): void {
  writeContainer(bytes, offset + at, 4, byteOrder, BigInt(word >>> 0));
}
