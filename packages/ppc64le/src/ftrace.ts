import {
  appliesTo,
  type Applicability,
  type CodeSite,
  type FtraceSiteEncoder,
  type ModuleImage,
  type PatchStep,
} from '@kelp/core';
import {
  ADD_R2_R12,
  doubleword,
  instructionSize,
  isBranchAndLink,
  LD_R2_TOC_DISTANCE,
  MFLR_R0,
  NOP,
  STD_R0_LR,
  wordAt,
  words,
} from './instructions.ts';
import { ftraceStubsOf, stubsOf } from './module-stubs.ts';
import { outOfLineSequence } from './stub-entries.ts';

/** module_finalize_ftrace(): stubs for ftrace_caller and ftrace_regs_caller, and room for out-of-line sequences. */
export const makeFtraceStubs: PatchStep = (image) => {
  const { trampolines, outOfRoom } = ftraceStubsOf(image);
  for (const { name, target, address, fresh } of trampolines ?? []) {
    if (fresh && !stubsOf(image).fill(address, target, name)) {
      return { errno: 'ENOENT', reason: `${name} is out of reach of the kernel's TOC` };
    }
  }
  if (trampolines === undefined) {
    return {
      errno: 'ENOENT',
      reason: '.stubs has no slot left for ftrace, or the address of ftrace_caller is not known',
    };
  }
  return outOfRoom
    ? { errno: 'ENOENT', reason: '.stubs has no room for the out-of-line sequences of ftrace' }
    : undefined;
};

/** What the compiler left at a traced function, and what ftrace_init_nop() makes of it. */
interface EntryCode {
  readonly applies?: readonly Applicability[];
  /** The table that lists the functions. */
  readonly table: '__mcount_loc' | '__patchable_function_entries';
  init(image: ModuleImage, entry: bigint, position: number): readonly CodeSite[];
}

const entryCodes: readonly EntryCode[] = [
  // -mprofile-kernel.
  // Seen in 6.12, not in 7.2: the store that old compilers emit stays.
  {
    applies: [{ before: '7.2' }],
    table: '__mcount_loc',
    init: (image, entry) => dropCall(image, entry, false),
  },
  {
    applies: [{ since: '7.2' }],
    table: '__mcount_loc',
    init: (image, entry) => dropCall(image, entry, true),
  },
  // -fpatchable-function-entry: two nops, or one where the rest is out of line.
  { applies: [{ before: '7.2' }], table: '__patchable_function_entries', init: saveLinkRegister },
  { applies: [{ since: '7.2' }], table: '__patchable_function_entries', init: fillOutOfLine },
];

/** ftrace_call_adjust() and ftrace_init_nop(). Code that is not as expected stays as it is. */
export const ftraceSite: FtraceSiteEncoder = {
  encode(image, entry, position) {
    const patchable = image.section('__patchable_function_entries') !== undefined;
    const table = patchable ? '__patchable_function_entries' : '__mcount_loc';
    const code = entryCodes.find((one) => one.table === table && appliesTo(one.applies, image.kernel));
    return code?.init(image, entry, position) ?? [];
  },
};

function word(image: ModuleImage, address: bigint): number | undefined {
  const bytes = image.read(address, instructionSize);
  return bytes === undefined ? undefined : wordAt(bytes, 0);
}

/** `mflr r0`, perhaps `std r0,16(r1)`, `bl _mcount`: the call becomes a nop. */
function dropCall(image: ModuleImage, call: bigint, dropsStore: boolean): readonly CodeSite[] {
  const before = word(image, call - 4n);
  const stores = before === STD_R0_LR && word(image, call - 8n) === MFLR_R0;
  if ((before !== MFLR_R0 && !stores) || !isBranchAndLink(word(image, call) ?? 0)) return [];
  const nop = { address: call, bytes: words(NOP) };
  return stores && dropsStore ? [{ address: call - 4n, bytes: words(NOP) }, nop] : [nop];
}

/** Two nops: the first becomes `mflr r0`, the second is the place of the call. */
function saveLinkRegister(image: ModuleImage, entry: bigint): readonly CodeSite[] {
  if (word(image, entry) !== NOP || word(image, entry + 4n) !== NOP) return [];
  return [{ address: entry, bytes: words(MFLR_R0) }];
}

/** One nop, which stays; the out-of-line sequence of the same number is made for it: ftrace_init_ool_stub(). */
function fillOutOfLine(image: ModuleImage, listed: bigint, position: number): readonly CodeSite[] {
  const entry = localEntry(image, listed);
  if (word(image, entry) !== NOP) return [];
  const stubs = ftraceStubsOf(image);
  const [caller] = stubs.trampolines ?? [];
  const area = stubs.outOfLine;
  if (caller === undefined || area === undefined || position >= area.count) return [];
  const start = area.address + BigInt(position * area.size);
  const place = start + BigInt(area.pointerSize);
  const bytes = outOfLineSequence(place, entry, caller.address);
  if (bytes === undefined) return [];
  return area.pointerSize === 0
    ? [{ address: place, bytes }]
    : [{ address: place, bytes }, operations(image, start)];
}

/** Clang lists the global entry point, the nop stands at the local one behind it. */
function localEntry(image: ModuleImage, listed: bigint): bigint {
  const computesToc = word(image, listed) === LD_R2_TOC_DISTANCE && word(image, listed + 4n) === ADD_R2_R12;
  return computesToc ? listed + 8n : listed;
}

/** ftrace_rec_set_nop_ops(): the pointer in front of an out-of-line sequence. */
function operations(image: ModuleImage, address: bigint): CodeSite {
  const known = image.externalSymbol('ftrace_nop_ops');
  if (known !== undefined) return { address, bytes: doubleword(known) };
  const answer = image.ask({
    kind: 'kernel-chosen',
    id: 'ftrace_nop_ops',
    address,
    candidates: [{ answer: '0x0', bytes: doubleword(0n) }],
    derive: (bytes) => `0x${(BigInt(wordAt(bytes, 0)) | (BigInt(wordAt(bytes, 4)) << 32n)).toString(16)}`,
  });
  return { address, bytes: doubleword(BigInt(answer)), cause: 'kernel-chosen' };
}
