import {
  appliesTo,
  type Applicability,
  type ModuleImage,
  type StaticCallEncoder,
  type StaticCallSite,
} from '@kelp/core';
import { callThunk, functionOfThunk } from './call-thunks.ts';
import { returnAt, returnTarget } from './return-thunks.ts';
import {
  branchTarget,
  CALL,
  generateBranch,
  JMP32,
  nop5,
  startsWith,
  trampolineMark,
} from './text-generation.ts';

// __static_call_transform(), arch/x86/kernel/static_call.c.

/** Functions whose call is replaced by an instruction of 5 bytes that does the same. */
interface InlineFunction {
  readonly name: string;
  readonly applies?: readonly Applicability[];
  readonly bytes: Uint8Array;
}

const inlineFunctions: readonly InlineFunction[] = [
  // cs cs cs xorl %eax,%eax
  { name: '__static_call_return0', bytes: Uint8Array.of(0x2e, 0x2e, 0x2e, 0x31, 0xc0) },
  // ud1 (%edx),%rdi.
  { name: '__WARN_trap', applies: [{ since: '6.19' }], bytes: Uint8Array.of(0x67, 0x48, 0x0f, 0xb9, 0x3a) },
  // ds ds movb $0,(%rdi); seen in 7.2, not in 6.12.
  {
    name: '__raw_callee_save___native_queued_spin_unlock',
    applies: [{ since: '7.2' }],
    bytes: Uint8Array.of(0x3e, 0x3e, 0xc6, 0x07, 0x00),
  },
];

/** Jcc.d32: a conditional tail call. */
function conditionOf(image: ModuleImage, address: bigint): number | undefined {
  const bytes = image.read(address, 2);
  return bytes?.[0] === 0x0f && ((bytes[1] ?? 0) & 0xf0) === 0x80 ? bytes[1] : undefined;
}

export const staticCall: StaticCallEncoder = {
  encode(image, site, target) {
    if (!site.tail) return target === 0n ? nop5 : encodeCall(image, site, target);
    const condition = conditionOf(image, site.address);
    if (condition !== undefined) return encodeCondition(image, site, target, condition);
    return target === 0n ? returnAt(image, site.address) : generateBranch(JMP32, site.address, target);
  },

  decode(image, { address, tail }, bytes) {
    if (!tail) return decodeCall(image, address, bytes);
    if (bytes[0] === 0x0f && ((bytes[1] ?? 0) & 0xf0) === 0x80) {
      // The site is read in 5 bytes: the whole distance is behind the sixth.
      const whole = bytes.length < 6 ? undefined : branchTarget(bytes, 2, address + 6n);
      if (whole === conditionalReturn(image)) return 0n;
      return whole === undefined ? undefined : legalTarget(image, whole);
    }
    if (bytes[0] !== JMP32) return bytes[0] === 0xc3 ? 0n : undefined;
    const target = branchTarget(bytes, 1, address + 5n);
    return target === returnTarget(image) ? 0n : legalTarget(image, target);
  },
};

function encodeCall(image: ModuleImage, { address }: StaticCallSite, target: bigint): Uint8Array {
  const entry = callThunk(image, target, address) ?? target;
  const inline = inlineFunctions.find(
    ({ name, applies }) => appliesTo(applies, image.kernel) && image.externalSymbol(name) === entry,
  );
  return inline?.bytes ?? generateBranch(CALL, address, entry);
}

function encodeCondition(
  image: ModuleImage,
  { address }: StaticCallSite,
  target: bigint,
  condition: number,
): Uint8Array {
  const branch = generateBranch(
    JMP32,
    address + 1n,
    target === 0n ? (conditionalReturn(image) ?? 0n) : target,
  );
  return Uint8Array.of(0x0f, condition, ...branch.subarray(1));
}

/** Where a conditional tail call of nothing jumps, by kernel. */
const conditionalReturns: readonly {
  readonly applies: readonly Applicability[];
  readonly thunk: (image: ModuleImage) => bigint | undefined;
}[] = [
  {
    // The thunk that the compiler calls, whatever the kernel chose.
    applies: [{ before: '6.2' }],
    thunk: (image) =>
      returnTarget(image) === undefined ? undefined : image.externalSymbol('__x86_return_thunk'),
  },
  // Seen in 6.12, not in 6.1: x86_return_thunk, in both halves of a cache line.
  { applies: [{ since: '6.2' }], thunk: (image) => returnTarget(image) },
];

function conditionalReturn(image: ModuleImage): bigint | undefined {
  const rule = conditionalReturns.find(({ applies }) => appliesTo(applies, image.kernel));
  return rule?.thunk(image) ?? image.externalSymbol('__static_call_return');
}

function decodeCall(image: ModuleImage, address: bigint, bytes: Uint8Array): bigint | undefined {
  if (startsWith(bytes, nop5)) return 0n;
  const inline = inlineFunctions.find(
    (one) => appliesTo(one.applies, image.kernel) && startsWith(bytes, one.bytes),
  );
  if (inline !== undefined) return image.externalSymbol(inline.name);
  if (bytes[0] !== CALL) return undefined;
  const entry = branchTarget(bytes, 1, address + 5n);
  const behindThunk = functionOfThunk(image, entry);
  return (
    legalTarget(image, entry) ?? (behindThunk === undefined ? undefined : legalTarget(image, behindThunk))
  );
}

/** A static call goes to the start of a function and nowhere else. */
function legalTarget(image: ModuleImage, target: bigint): bigint | undefined {
  return image.functionAt(target) === undefined ? undefined : target;
}

/**
 * Trampolines of the module's own static calls, __SCT__name. The file has their first function; an update of the call
 * rewrites the trampoline and all sites of its key, so both give one answer.
 */
export function patchTrampolines(image: ModuleImage): undefined {
  const section = image.section('.static_call.text');
  const symbols = image.object.symbols();
  if (section === undefined || symbols === undefined) return undefined;
  const keys = new Map<string, bigint>();
  const trampolines: (readonly [name: string, address: bigint])[] = [];
  for (let index = 1; index < symbols.count; index++) {
    const defined = image.sections.find((one) => one.index === symbols.sectionIndex(index));
    if (defined === undefined) continue;
    const name = symbols.name(index);
    const address = defined.address + symbols.value(index);
    if (name.startsWith('__SCK__')) keys.set(name.slice(7), address);
    if (name.startsWith('__SCT__')) trampolines.push([name.slice(7), address]);
  }
  for (const [name, address] of trampolines) {
    const key = keys.get(name) ?? image.externalSymbol(`__SCK__${name}`);
    const bytes = image.read(address, 8);
    if (key === undefined || bytes === undefined || !startsWith(bytes, trampolineMark, 5)) continue;
    writeTrampoline(image, { address, key, tail: true }, bytes.slice(0, 5));
  }
  return undefined;
}

function writeTrampoline(image: ModuleImage, site: StaticCallSite, present: Uint8Array): void {
  const initially = staticCall.decode(image, site, present);
  const answer = image.ask({
    kind: 'static-call',
    id: `0x${site.key.toString(16)}`,
    address: site.address,
    candidates: [
      { answer: initially === undefined ? 'as in the file' : `0x${initially.toString(16)}`, bytes: present },
    ],
    derive: (bytes) => {
      const target = staticCall.decode(image, site, bytes);
      return target === undefined ? undefined : `0x${target.toString(16)}`;
    },
  });
  if (!answer.startsWith('0x')) return;
  const wanted = staticCall.encode(image, site, BigInt(answer));
  if (!startsWith(present, wanted)) image.write(site.address, wanted, 'static-call');
}
