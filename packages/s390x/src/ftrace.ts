import {
  appliesTo,
  type Applicability,
  type FtraceSiteEncoder,
  type Kernel,
  type ModuleImage,
} from '@kelp/core';
import { described, facility } from './features.ts';
import { tracedSite } from './ftrace-calls.ts';
import {
  BRASL_R1,
  BRCL_ALWAYS,
  BRCL_NEVER,
  doubleword,
  halfword,
  nop6,
  relativeLong,
  relativeLongTarget,
  sameBytes,
} from './instructions.ts';

// ftrace_init_nop(), arch/s390/kernel/ftrace.c: the nop at a function entry gets the distance to a trampoline, to which
// it jumps once its mask is set. module_finalize() allocates the trampolines beside the module; they are handed out in
// the order of the sorted call sites.

/** struct ftrace_hotpatch_trampoline: a brasl, two bytes of padding, the rest of the function, the interceptor. */
export const trampolineSize = 24;
const restOffset = 8;

interface TrampolineRule {
  readonly applies: readonly Applicability[];
  /** Number of the facility that makes trampolines needless. */
  readonly unlessFacility?: number;
}

/** ftrace_need_init_nop(). */
const rules: readonly TrampolineRule[] = [
  // Seen in 6.1, not in 5.10.
  { applies: [{ since: '6.1', before: '6.12' }] },
  // The sequential-instruction facility lets a nop become brasl in one store: seen in 6.12, not in 6.1.
  { applies: [{ since: '6.12' }], unlessFacility: 85 },
];

/** When a kernel has trampolines; undefined: never. */
export function trampolineRule(kernel: Kernel): TrampolineRule | undefined {
  return rules.find(({ applies }) => appliesTo(applies, kernel));
}

/** The question where the trampolines of a module are, which is known by the address of its text. */
export function trampolinesId(textAddress: bigint): string {
  return `ftrace trampolines of text 0x${textAddress.toString(16)}`;
}

const none = 'none';

/** The distance to a trampoline, which says where the kernel put them. */
export const ftraceSite: FtraceSiteEncoder = {
  cause: 'kernel-chosen',
  encode(image, entry, position) {
    const rule = trampolineRule(image.kernel);
    const present = image.read(entry, nop6.length);
    if (rule === undefined || present === undefined || !sameBytes(present, nop6)) return [];
    const otherwise =
      rule.unlessFacility === undefined ? undefined : facility(rule.unlessFacility, image.kernel);
    if (otherwise !== undefined && described(image.machine, otherwise) === true) return [];
    const start = startOfTrampolines(
      image,
      entry,
      BigInt(position * trampolineSize),
      otherwise !== undefined,
    );
    if (start === none) return [];
    const trampoline = BigInt(start) + BigInt(position * trampolineSize);
    return [{ address: entry, bytes: relativeLong(BRCL_NEVER, entry, trampoline) }];
  },
  traced: tracedSite,
};

/** One answer for all sites of a module. */
function startOfTrampolines(image: ModuleImage, entry: bigint, offset: bigint, mayBeNone: boolean): string {
  return image.ask({
    kind: 'kernel-chosen',
    id: trampolinesId(image.textAddress),
    address: entry,
    candidates: [{ answer: none, bytes: nop6 }],
    derive: (bytes, read) => {
      if (sameBytes(bytes.subarray(0, nop6.length), nop6)) return mayBeNone ? none : undefined;
      const opcode = halfword(bytes);
      if (opcode !== BRCL_NEVER && opcode !== BRCL_ALWAYS) return undefined;
      const trampoline = relativeLongTarget(bytes, entry);
      return isTrampoline(read(trampoline, trampolineSize), entry)
        ? `0x${(trampoline - offset).toString(16)}`
        : undefined;
    },
  });
}

/** Whether bytes are the trampoline of a function; memory that nobody has may well be. */
function isTrampoline(bytes: Uint8Array | undefined, entry: bigint): boolean {
  if (bytes === undefined) return true;
  const rest = bytes.subarray(restOffset, restOffset + 8);
  return halfword(bytes) === BRASL_R1 && sameBytes(rest, doubleword(entry + BigInt(nop6.length)));
}
