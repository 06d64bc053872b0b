import { appliesTo, type Applicability, type ModuleImage } from '@kelp/core';
import { decodeInstruction, type Instruction } from './instructions/decode.ts';
import { ItsThunks, itsThunkAddress } from './its-thunks.ts';
import { withOptimizedNops } from './nop-optimization.ts';
import { siteAddresses } from './site-list.ts';
import { branchTarget, CALL, generateBranch, INT3, JMP32, startsWith } from './text-generation.ts';
import { thunkAddress, thunkRegister } from './thunk-registers.ts';

// apply_retpolines(), arch/x86/kernel/alternative.c: calls and jumps to __x86_indirect_thunk_REG become indirect
// branches where retpolines are not in force, or go to the thunk of another mitigation.

/** A call, jump or conditional jump to a retpoline. */
interface RetpolineSite {
  readonly address: bigint;
  /** As the compiler wrote it. */
  readonly bytes: Uint8Array;
  readonly opcode: number;
  /** Jcc.d32, which clang writes: its second opcode byte. */
  readonly condition: number | undefined;
  readonly register: number;
}

/** Bytes of Jcc.d8 in front of the branch that a conditional jump becomes. */
const shortCondition = 2;
const lfence: readonly number[] = [0x0f, 0xae, 0xe8];
const csPrefix = 0x2e;
const upperHalf = 0x20n;

/** apply_retpolines(). */
export function patchRetpolines(image: ModuleImage): undefined {
  const thunks = new ItsThunks();
  for (const address of siteAddresses(image, '.retpoline_sites')) {
    const site = readSite(image, address);
    if (site !== undefined) patchSite(image, site, thunks);
  }
  return undefined;
}

function readSite(image: ModuleImage, address: bigint): RetpolineSite | undefined {
  const longest = 6;
  const window = image.read(address, longest) ?? image.read(address, longest - 1);
  const instruction = window === undefined ? undefined : decodeInstruction(window, 0);
  if (window === undefined || instruction?.branch === undefined || !isPatched(instruction)) return undefined;
  const bytes = window.slice(0, instruction.length);
  const target = branchTarget(bytes, instruction.branch.offset, address + BigInt(bytes.length));
  const register = thunkRegister(image, '__x86_indirect_thunk', target);
  if (register === undefined) return undefined;
  const condition = instruction.map === '0f' ? instruction.opcode : undefined;
  return {
    address,
    bytes,
    opcode: condition === undefined ? instruction.opcode : JMP32,
    condition,
    register,
  };
}

function isPatched({ map, opcode }: Instruction): boolean {
  if (map === '0f') return opcode >= 0x80 && opcode <= 0x8f;
  return map === 'one-byte' && (opcode === CALL || opcode === JMP32);
}

/** patch_retpoline(). */
function patchSite(image: ModuleImage, site: RetpolineSite, thunks: ItsThunks): void {
  const withLfence = isOn(image, 'RETPOLINE_LFENCE', site, (bytes) => hasLfence(image, site, bytes));
  if (!withLfence && isOn(image, 'RETPOLINE', site, (bytes) => isRetpoline(image, site, bytes))) {
    const branch = callDepthBranch(image, site);
    if (
      branch !== undefined &&
      isOn(image, 'CALL_DEPTH', site, (bytes) => tellApart(bytes, branch, site.bytes))
    ) {
      image.write(site.address, branch, 'retpoline');
    }
    return;
  }
  const lead = leadOf(site, withLfence);
  if (needsItsThunk(image, site, lead)) {
    const thunk = itsThunkAddress(image, thunks.allocate(site.register), site, (bytes) =>
      targetOf(site, bytes),
    );
    if (thunk !== undefined) image.write(site.address, branchTo(site, thunk), 'kernel-chosen');
    return;
  }
  const bytes = inlineBranch(image, site, lead);
  if (bytes !== undefined) image.write(site.address, bytes, 'retpoline');
}

/** A feature; where the machine does not tell, the bytes at the site do. */
function isOn(
  image: ModuleImage,
  id: string,
  site: RetpolineSite,
  told: (bytes: Uint8Array) => boolean | undefined,
): boolean {
  const known = image.machine.feature(id);
  if (known !== undefined) return known;
  const initially = id === 'RETPOLINE';
  const answer = image.ask({
    kind: 'feature',
    id,
    address: site.address,
    candidates: [{ answer: initially ? 'on' : 'off', bytes: site.bytes }],
    derive(bytes) {
      const on = told(bytes);
      if (on === undefined) return undefined;
      return on ? 'on' : 'off';
    },
  });
  return answer === 'on';
}

/** What stands before the branch: the opposite condition that skips it, LFENCE. */
function leadOf({ condition, bytes }: RetpolineSite, withLfence: boolean): readonly number[] {
  const skip = condition === undefined ? [] : [0x70 + ((condition & 0xf) ^ 1), bytes.length - shortCondition];
  return withLfence ? [...skip, ...lfence] : skip;
}

/** True or false where bytes are the one or the other. */
function tellApart(bytes: Uint8Array, yes: Uint8Array, no: Uint8Array): boolean | undefined {
  if (startsWith(bytes, yes)) return true;
  return startsWith(bytes, no) ? false : undefined;
}

function hasLfence(image: ModuleImage, site: RetpolineSite, bytes: Uint8Array): boolean | undefined {
  // A site that has no room for LFENCE says nothing.
  if (site.bytes.length < leadOf(site, true).length + branchLength(site.register)) return undefined;
  if (startsWith(bytes, Uint8Array.from(leadOf(site, true)))) return true;
  return isRetpoline(image, site, bytes) === undefined ? undefined : false;
}

/** Retpolines are in force where the site still goes to one, or to one that counts calls. */
function isRetpoline(image: ModuleImage, site: RetpolineSite, bytes: Uint8Array): boolean | undefined {
  if (startsWith(bytes, site.bytes) || startsWith(bytes, callDepthBranch(image, site) ?? site.bytes))
    return true;
  const indirect = inlineBranch(image, site, leadOf(site, false));
  const isIndirect = indirect !== undefined && startsWith(bytes, indirect);
  return isIndirect || targetOf(site, bytes) !== undefined ? false : undefined;
}

/** emit_call_track_retpoline(). */
function callDepthBranch(image: ModuleImage, site: RetpolineSite): Uint8Array | undefined {
  const family = site.opcode === CALL ? '__x86_indirect_call_thunk' : '__x86_indirect_jump_thunk';
  const thunk = thunkAddress(image, family, site.register);
  return thunk === undefined ? undefined : branchTo(site, thunk);
}

/** __emit_trampoline(): the same kind of branch, to another place. */
function branchTo({ address, bytes, opcode, condition }: RetpolineSite, target: bigint): Uint8Array {
  const prefix = bytes.length === 6 ? [condition === undefined ? csPrefix : 0x0f] : [];
  const branch = generateBranch(opcode, address + BigInt(prefix.length), target);
  if (condition !== undefined) branch[0] = condition;
  return Uint8Array.of(...prefix, ...branch);
}

/** Where bytes branch to that {@link branchTo} may have written; undefined for others. */
function targetOf(site: RetpolineSite, bytes: Uint8Array): bigint | undefined {
  const length = site.bytes.length;
  const target = branchTarget(bytes, length - 4, site.address + BigInt(length));
  return startsWith(bytes, branchTo(site, target)) ? target : undefined;
}

/** cpu_wants_indirect_its_thunk_at(): the branch would end in the lower half of a cache line. */
function needsItsThunk(image: ModuleImage, site: RetpolineSite, lead: readonly number[]): boolean {
  const last = site.address + BigInt(lead.length + branchLength(site.register) - 1);
  const exists = thunkAddress(image, '__x86_indirect_its_thunk', site.register) !== undefined;
  if ((last & upperHalf) !== 0n || !exists) return false;
  return isOn(image, 'INDIRECT_THUNK_ITS', site, (bytes) => {
    if (targetOf(site, bytes) !== undefined) return true;
    const indirect = inlineBranch(image, site, lead);
    return indirect !== undefined && startsWith(bytes, indirect) ? false : undefined;
  });
}

/** How a kernel fills the bytes that an indirect branch leaves. */
interface FillRule {
  readonly applies: readonly Applicability[];
  readonly fill: (call: boolean, branch: readonly number[], room: number) => readonly number[];
}

const fillRules: readonly FillRule[] = [
  {
    // One int3 behind a jump.
    applies: [{ before: '6.18' }],
    fill: (call, branch, room) => (call || room === 0 ? branch : [...branch, INT3]),
  },
  {
    // 4a1e02b15ac1 ("x86,retpoline: Optimize patch_retpoline()"): cs prefixes before a call, int3 behind a jump.
    applies: [{ since: '6.18' }],
    fill(call, branch, room) {
      if (!call) return [...branch, ...Array.from({ length: room }, () => INT3)];
      return room <= 3 ? [...Array.from({ length: room }, () => csPrefix), ...branch] : branch;
    },
  },
];

/** The indirect branch itself, as long as the site; undefined where it does not fit, which the kernel leaves alone. */
function inlineBranch(
  image: ModuleImage,
  site: RetpolineSite,
  lead: readonly number[],
): Uint8Array | undefined {
  const room = site.bytes.length - lead.length - branchLength(site.register);
  const rule = fillRules.find(({ applies }) => appliesTo(applies, image.kernel));
  if (room < 0 || rule === undefined) return undefined;
  const call = site.opcode === CALL;
  const bytes = new Uint8Array(site.bytes.length).fill(0x90);
  bytes.set([...lead, ...rule.fill(call, indirectBranch(call, site.register), room)]);
  return withOptimizedNops(bytes, image.kernel);
}

/** emit_indirect(): call *%reg or jmp *%reg. */
function indirectBranch(call: boolean, register: number): readonly number[] {
  const branch = [0xff, (call ? 0xd0 : 0xe0) + (register & 7)];
  return register < 8 ? branch : [0x41, ...branch];
}

function branchLength(register: number): number {
  return register < 8 ? 2 : 3;
}
