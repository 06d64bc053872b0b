import {
  appliesTo,
  type Applicability,
  type CodeSite,
  type FtraceSiteEncoder,
  type ModuleImage,
  type PatchStep,
  type TracedSite,
} from '@kelp/core';
import {
  ADD_R2_R12,
  doubleword,
  encodeBranch,
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
  traced(image: ModuleImage, entry: bigint, position: number): TracedSite | undefined;
}

const entryCodes: readonly EntryCode[] = [
  // -mprofile-kernel.
  // Seen in 6.12, not in 7.2: the store that old compilers emit stays.
  {
    applies: [{ before: '7.2' }],
    table: '__mcount_loc',
    init: (image, entry) => dropCall(image, entry, false),
    traced: tracedCall,
  },
  {
    applies: [{ since: '7.2' }],
    table: '__mcount_loc',
    init: (image, entry) => dropCall(image, entry, true),
    traced: tracedCall,
  },
  // -fpatchable-function-entry: two nops, or one where the rest is out of line.
  {
    applies: [{ before: '7.2' }],
    table: '__patchable_function_entries',
    init: saveLinkRegister,
    traced: (image, entry) => tracedCall(image, entry + 4n),
  },
  {
    applies: [{ since: '7.2' }],
    table: '__patchable_function_entries',
    init: fillOutOfLine,
    traced: tracedOutOfLine,
  },
];

/** ftrace_call_adjust() and ftrace_init_nop(). Code that is not as expected stays as it is. */
export const ftraceSite: FtraceSiteEncoder = {
  encode: (image, entry, position) => entryCode(image)?.init(image, entry, position) ?? [],
  traced: (image, entry, position) => entryCode(image)?.traced(image, entry, position),
};

function entryCode(image: ModuleImage): EntryCode | undefined {
  const patchable = image.section('__patchable_function_entries') !== undefined;
  const table = patchable ? '__patchable_function_entries' : '__mcount_loc';
  return entryCodes.find((one) => one.table === table && appliesTo(one.applies, image.kernel));
}

/** ftrace_make_call(): the nop becomes a call, where `mflr r0` or the store behind it comes first. */
function tracedCall(image: ModuleImage, place: bigint): TracedSite | undefined {
  const before = word(image, place - 4n);
  const isEntry = before === MFLR_R0 || before === STD_R0_LR || before === NOP;
  if (!isEntry || word(image, place) !== NOP) return undefined;
  return {
    address: place,
    untraced: words(NOP),
    calls: () => callsAt(image, place).map(({ name, call }) => ({ tracer: name, bytes: words(call) })),
  };
}

/** The nop becomes a branch to the sequence of the same number, and that calls the tracer. */
function tracedOutOfLine(image: ModuleImage, listed: bigint, position: number): TracedSite | undefined {
  const found = outOfLinePlace(image, listed, position);
  const branch = found === undefined ? undefined : encodeBranch(found.entry, found.sequence, false);
  if (found === undefined || branch === undefined) return undefined;
  const { entry, sequence, pointer } = found;
  return {
    address: entry,
    untraced: words(NOP),
    calls: () => [
      {
        tracer: outOfLineTracer,
        bytes: words(branch),
        others: () => [
          ...outOfLineCall(image, sequence + BigInt(instructionSize)),
          ...(pointer === undefined ? [] : tracingOperations(image, pointer)),
        ],
      },
    ],
  };
}

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
  const found = outOfLinePlace(image, listed, position);
  if (found === undefined) return [];
  const { entry, sequence, pointer, caller } = found;
  const bytes = outOfLineSequence(sequence, entry, caller);
  if (bytes === undefined) return [];
  const site = { address: sequence, bytes };
  return pointer === undefined ? [site] : [site, operations(image, pointer)];
}

/** Where the parts of an entry are that has an out-of-line sequence. */
interface OutOfLinePlace {
  /** Of the nop in the function. */
  readonly entry: bigint;
  readonly sequence: bigint;
  /** Of the pointer to ftrace_ops in front of the sequence; undefined in kernels without. */
  readonly pointer: bigint | undefined;
  /** Of the module's stub for ftrace_caller. */
  readonly caller: bigint;
}

function outOfLinePlace(image: ModuleImage, listed: bigint, position: number): OutOfLinePlace | undefined {
  const entry = localEntry(image, listed);
  if (word(image, entry) !== NOP) return undefined;
  const { trampolines, outOfLine: area } = ftraceStubsOf(image);
  const [caller] = trampolines ?? [];
  if (caller === undefined || area === undefined || position >= area.count) return undefined;
  const start = area.address + BigInt(position * area.size);
  return {
    entry,
    sequence: start + BigInt(area.pointerSize),
    pointer: area.pointerSize === 0 ? undefined : start,
    caller: caller.address,
  };
}

/** Clang lists the global entry point, the nop stands at the local one behind it. */
function localEntry(image: ModuleImage, listed: bigint): bigint {
  const computesToc = word(image, listed) === LD_R2_TOC_DISTANCE && word(image, listed + 4n) === ADD_R2_R12;
  return computesToc ? listed + 8n : listed;
}

/** What the sequence calls is told by the sequence. */
const outOfLineTracer = 'its out-of-line sequence';

/** ftrace_get_call_inst(): the call in an out-of-line sequence. */
function outOfLineCall(image: ModuleImage, address: bigint): readonly CodeSite[] {
  const calls = callsAt(image, address);
  if (calls.length === 0) return [];
  const answer = image.ask({
    kind: 'ftrace',
    id: `out of line 0x${address.toString(16)}`,
    address,
    candidates: calls.map(({ name, call }) => ({ answer: name, bytes: words(call) })),
  });
  return calls.filter(({ name }) => name === answer).map(({ call }) => ({ address, bytes: words(call) }));
}

/** Kernels in which a function may call the trampoline of BPF itself: DYNAMIC_FTRACE_WITH_DIRECT_CALLS. */
const directCalls: readonly Applicability[] = [{ since: '7.2' }];

/** Calls that may stand at a place: to a function in reach, otherwise to the module's stub for it. */
function callsAt(
  image: ModuleImage,
  place: bigint,
): readonly { readonly name: string; readonly call: number }[] {
  const stubs = ftraceStubsOf(image).trampolines ?? [];
  const generated = appliesTo(directCalls, image.kernel) ? image.generatedCode : [];
  return [
    ...stubs.map(({ name, target, address }) => ({
      name,
      call: encodeBranch(place, target, true) ?? encodeBranch(place, address, true),
    })),
    ...generated.map(({ name, address }) => ({
      name: `${name} at 0x${address.toString(16)}`,
      call: encodeBranch(place, address, true),
    })),
  ].flatMap(({ name, call }) => (call === undefined ? [] : [{ name, call }]));
}

/** ftrace_rec_update_ops(): the ftrace_ops of the only tracer, or ftrace_list_ops; data that only some kernels list. */
function tracingOperations(image: ModuleImage, address: bigint): readonly CodeSite[] {
  const present = image.read(address, 8) ?? new Uint8Array();
  const answer = image.ask({
    kind: 'kernel-chosen',
    id: `ftrace_ops at 0x${address.toString(16)}`,
    address,
    candidates: [{ answer: 'as untraced', bytes: present }],
    derive: (bytes) => {
      const pointer = BigInt(wordAt(bytes, 0)) | (BigInt(wordAt(bytes, 4)) << 32n);
      return pointer >> 60n === 0xcn && pointer % 8n === 0n ? `0x${pointer.toString(16)}` : undefined;
    },
  });
  return answer.startsWith('0x')
    ? [{ address, bytes: doubleword(BigInt(answer)), cause: 'kernel-chosen' }]
    : [];
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
