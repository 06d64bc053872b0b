import { appliesTo, type Applicability, type Candidate, type ModuleImage } from '@kelp/core';
import { fillWithNops } from './nop-optimization.ts';
import { nativeFunction, nothing } from './paravirt-operations.ts';
import { sectionTable } from './section-table.ts';
import { branchTarget, CALL, generateBranch } from './text-generation.ts';

// Calls through pv_ops, the table of operations that a hypervisor may replace, become direct calls of what the table
// holds. It is data of the kernel that is written at boot.

/** A call through pv_ops. */
export interface ParavirtCall {
  readonly address: bigint;
  /** Bytes that are replaced; at least 5. */
  readonly length: number;
  /** Names the pointer: `pv_ops[7]`. */
  readonly operation: string;
  /** Number of the pointer in pv_ops, where that is known. */
  readonly index: number | undefined;
  /** How far from the start of the function it goes: to the thunk that counts calls. */
  readonly shift: bigint;
}

/** Answer for a pointer to the function that does nothing. */
const callsNothing = 'nothing';
/** Answer where nobody knows what the pointer holds. */
const unknown = 'as in the file';

/** The bytes of a direct call, nops behind it; undefined where nobody knows what it calls. */
export function paravirtCallBytes(image: ModuleImage, call: ParavirtCall): Uint8Array | undefined {
  const answer = image.ask({
    kind: 'kernel-chosen',
    id: call.operation,
    address: call.address,
    candidates: [firstGuess(image, call)],
    derive: (bytes) => readCall(image, call, bytes),
  });
  return answer === unknown ? undefined : encodeCall(call, answer);
}

function firstGuess(image: ModuleImage, call: ParavirtCall): Candidate {
  const native = call.index === undefined ? undefined : nativeFunction(call.index, image.kernel);
  const target = native === undefined ? undefined : image.externalSymbol(native);
  const known = target === undefined ? unknown : `0x${target.toString(16)}`;
  const answer = native === nothing ? callsNothing : known;
  const bytes = answer === unknown ? image.read(call.address, call.length) : encodeCall(call, answer);
  return { answer, bytes: bytes ?? new Uint8Array(call.length) };
}

function encodeCall({ address, length, shift }: ParavirtCall, answer: string): Uint8Array {
  const bytes = new Uint8Array(length);
  const call =
    answer === callsNothing ? new Uint8Array() : generateBranch(CALL, address, BigInt(answer) + shift);
  bytes.set(call);
  fillWithNops(bytes, call.length, length);
  return bytes;
}

function readCall(image: ModuleImage, call: ParavirtCall, bytes: Uint8Array): string | undefined {
  const target = bytes[0] === CALL ? branchTarget(bytes, 1, call.address + 5n) - call.shift : undefined;
  if (target !== undefined && image.functionAt(target) === undefined) return undefined;
  const answer = target === undefined ? callsNothing : `0x${target.toString(16)}`;
  return encodeCall(call, answer).every((byte, index) => byte === bytes[index]) ? answer : undefined;
}

/** Whether bytes are what some direct call or a call of nothing leaves behind. */
export function isParavirtCall(image: ModuleImage, call: ParavirtCall, bytes: Uint8Array): boolean {
  return readCall(image, call, bytes) !== undefined;
}

/** Earlier kernels copied code of their own over some calls (paravirt_patch.c), which is not simulated. */
const simulated: readonly Applicability[] = [{ since: '5.13' }];

/** apply_paravirt(), arch/x86/kernel/alternative.c. */
export function patchParavirt(image: ModuleImage): undefined {
  const table = appliesTo(simulated, image.kernel) ? sectionTable(image, '.parainstructions') : undefined;
  for (let entry = 0; entry < (table?.count ?? 0); entry++) {
    const address = table?.pointer(entry, 'instr') ?? 0n;
    const index = Number(table?.number(entry, 'type') ?? 0n);
    const length = Number(table?.number(entry, 'len') ?? 0n);
    if (image.read(address, length) === undefined || length < 5) continue;
    const bytes = paravirtCallBytes(image, {
      address,
      length,
      index,
      operation: `pv_ops[${index}]`,
      shift: 0n,
    });
    if (bytes !== undefined) image.write(address, bytes, 'paravirt');
  }
  return undefined;
}
