import {
  appliesTo,
  functionEntryAddress,
  hasOption,
  PlacedTable,
  readContainer,
  type Applicability,
  type CodeSite,
  type FtraceSiteEncoder,
  type ModuleImage,
} from '@kelp/core';
import { tracedSite } from './ftrace-calls.ts';
import { instructionBytes, isBti, moveX9X30, nop, readInstruction } from './instructions.ts';

/** Kernels that may keep a pointer to its ftrace_ops in front of each function: DYNAMIC_FTRACE_WITH_CALL_OPS. */
const callOpsPossible: readonly Applicability[] = [{ since: '6.3' }];

/**
 * ftrace_init_nop(): the first NOP of a function saves the return address for the second one, which becomes the call. In
 * a kernel with DYNAMIC_FTRACE_WITH_CALL_OPS the entry points at two more NOPs in front of the function, for a pointer
 * to ftrace_nop_ops.
 */
export const ftraceSite: FtraceSiteEncoder = {
  encode(image, entry) {
    if (!hasCallOps(image)) return saveReturnAddress(image, entry);
    if ((entry & 7n) !== 0n) return [];
    const start = entry + 8n;
    const first = readInstruction(image, start);
    const place = first !== undefined && isBti(first) ? start + 4n : start;
    return [...opsPointer(image, entry), ...saveReturnAddress(image, place)];
  },

  traced(image, entry) {
    if (!hasCallOps(image)) return tracedSite(image, entry);
    if ((entry & 7n) !== 0n) return undefined;
    const start = entry + 8n;
    const first = readInstruction(image, start);
    const place = first !== undefined && isBti(first) ? start + 4n : start;
    return tracedSite(image, place, () => tracingOps(image, entry));
  },
};

/** ftrace_rec_update_ops(): the ftrace_ops of the only tracer, or ftrace_list_ops; data that only some kernels list. */
function tracingOps(image: ModuleImage, address: bigint): readonly CodeSite[] {
  const present = image.read(address, 8) ?? new Uint8Array();
  const answer = image.ask({
    kind: 'kernel-chosen',
    id: `ftrace_ops at 0x${address.toString(16)}`,
    address,
    candidates: [{ answer: 'as untraced', bytes: present }],
    derive: pointerIn,
  });
  return answer.startsWith('0x')
    ? [{ address, bytes: pointerBytes(BigInt(answer)), cause: 'kernel-chosen' }]
    : [];
}

function pointerIn(bytes: Uint8Array): string | undefined {
  const pointer = readContainer(bytes, 0, 8, 'little');
  return isKernelPointer(pointer) ? `0x${pointer.toString(16)}` : undefined;
}

/** The kernel stops patching where it does not find a NOP. */
function saveReturnAddress(image: ModuleImage, place: bigint): readonly CodeSite[] {
  return readInstruction(image, place) === nop
    ? [{ address: place, bytes: instructionBytes([moveX9X30]) }]
    : [];
}

/** ftrace_rec_set_nop_ops(): one address for all functions of a kernel; a symbol that only some kernels list. */
function opsPointer(image: ModuleImage, address: bigint): readonly CodeSite[] {
  const known = image.externalSymbol('ftrace_nop_ops');
  if (known !== undefined) return [{ address, bytes: pointerBytes(known) }];
  const present = image.read(address, 8) ?? new Uint8Array();
  const answer = image.ask({
    kind: 'kernel-chosen',
    id: 'ftrace_nop_ops',
    address,
    candidates: [{ answer: 'as in the file', bytes: present }],
    derive: pointerIn,
  });
  return answer.startsWith('0x')
    ? [{ address, bytes: pointerBytes(BigInt(answer)), cause: 'kernel-chosen' }]
    : [];
}

/** A multiple of 8 in the upper half of the addresses. Two NOPs are none. */
function isKernelPointer(pointer: bigint): boolean {
  return pointer >> 48n === 0xffffn && (pointer & 7n) === 0n;
}

function pointerBytes(pointer: bigint): Uint8Array {
  return instructionBytes([Number(pointer & 0xffff_ffffn), Number(pointer >> 32n)]);
}

const known = new WeakMap<ModuleImage, boolean>();

/** Looked at once for each module: what is written hides what told. */
function hasCallOps(image: ModuleImage): boolean {
  const before = known.get(image);
  if (before !== undefined) return before;
  const found = appliesTo(callOpsPossible, image.kernel) && decideCallOps(image);
  known.set(image, found);
  return found;
}

/** By the configuration or, where that is not known, by the NOPs that the compiler left at all entries. */
function decideCallOps(image: ModuleImage): boolean {
  if (image.kernel.configuration !== undefined)
    return hasOption(image.kernel, 'DYNAMIC_FTRACE_WITH_CALL_OPS');
  const section = image.section('__patchable_function_entries');
  if (section === undefined) return false;
  const table = new PlacedTable(image, section, functionEntryAddress);
  const entries = Array.from({ length: table.count }, (_, entry) => table.pointer(entry, 'ip'));
  return entries.every((entry) => entry === 0n || hasFourNops(image, entry));
}

/** -fpatchable-function-entry=4,2 */
function hasFourNops(image: ModuleImage, entry: bigint): boolean {
  const [first, second, third, fourth, fifth] = [0n, 4n, 8n, 12n, 16n].map((at) =>
    readInstruction(image, entry + at),
  );
  const body = third !== undefined && isBti(third) ? [fourth, fifth] : [third, fourth];
  return (entry & 7n) === 0n && [first, second, ...body].every((instruction) => instruction === nop);
}
