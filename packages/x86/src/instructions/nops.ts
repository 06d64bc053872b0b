import type { Applicability, KernelSource } from '@kelp/core';
import { decodeInstruction, type Instruction, type InstructionField } from './decode.ts';

/** What a kernel writes as a nop, and what it takes for one when it merges nops in alternatives. */
export interface Nops {
  readonly applies: readonly Applicability[];
  /** ASM_NOP_MAX: the longest nop in bytes. */
  readonly longest: number;
  /** Whether the kernel counts the instruction at an offset as a nop; false where there is no instruction. */
  readonly isNop: (bytes: Uint8Array, offset: number) => boolean;
  /** The function that decides. */
  readonly source: KernelSource;
}

/** x86_nops: the nop of each length, the first of one byte (arch/x86/include/asm/nops.h, BYTES_NOP1 to BYTES_NOP11). */
export const longNops: readonly (readonly number[])[] = [
  [0x90],
  [0x66, 0x90],
  [0x0f, 0x1f, 0x00],
  [0x0f, 0x1f, 0x40, 0x00],
  [0x0f, 0x1f, 0x44, 0x00, 0x00],
  [0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00],
  [0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00],
  [0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
  // Since ASM_NOP_MAX is 11.
  [0x2e, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
  [0x66, 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
  [0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
];

const alternative = 'arch/x86/kernel/alternative.c';

/** Nops by kernel. Compared with the kernel's own functions: 6.1, 6.12, 7.3. */
export const nops: readonly Nops[] = [
  {
    applies: [{ before: '6.5' }],
    longest: 8,
    isNop: isSingleByteNop,
    source: { file: alternative, symbol: 'optimize_nops' },
  },
  {
    // 6c480f222128 ("x86/alternative: Rewrite optimize_nops() some"), df25edbac3cd ("Add longer 64-bit NOPs").
    applies: [{ since: '6.5', before: '6.19' }],
    longest: 11,
    isNop: isNopOrNopl,
    source: { file: alternative, symbol: 'insn_is_nop' },
  },
  {
    // 8a5c6cbfe4a3 ("x86/insn,uprobes,alternative: Unify insn_is_nop()").
    applies: [{ since: '6.19' }],
    longest: 11,
    isNop: isAnyNop,
    source: { file: 'arch/x86/lib/insn-eval.c', symbol: 'insn_is_nop' },
  },
];

/** The instruction 90, without prefixes. */
function isSingleByteNop(bytes: Uint8Array, offset: number): boolean {
  return bytes[offset] === 0x90;
}

/**
 * 90 without a leading F3, and 0f 1f. The kernel looks at the first opcode byte alone, so XCHG with R8 (41 90) counts,
 * and so does 90 of any map behind REX2, VEX and EVEX; it does not know XOP.
 */
function isNopOrNopl(bytes: Uint8Array, offset: number): boolean {
  const instruction = decodeInstruction(bytes, offset);
  if (instruction === undefined) return false;
  const { encoding, map, opcode, legacyPrefixes } = instruction;
  if (encoding === 'legacy' && map !== 'one-byte') return map === '0f' && opcode === 0x1f;
  return encoding !== 'xop' && opcode === 0x90 && (legacyPrefixes === 0 || bytes[offset] !== 0xf3);
}

/** The forms that assemblers write: 90, 0f 1f /0, MOV and LEA of a register to itself, a jump to the next instruction. */
function isAnyNop(bytes: Uint8Array, offset: number): boolean {
  const instruction = decodeInstruction(bytes, offset);
  if (instruction === undefined || (instruction.encoding !== 'legacy' && instruction.encoding !== 'rex2'))
    return false;
  const window = bytes.subarray(offset, offset + instruction.length);
  const registers = readRegisters(window, instruction);
  if (instruction.map === '0f') return instruction.opcode === 0x1f && registers.reg === 0;
  if (instruction.map !== 'one-byte') return false;
  const prefixes = window.subarray(0, instruction.legacyPrefixes);
  switch (instruction.opcode) {
    case 0x89:
      return registers.mod === 3 && registers.wide && registers.reg === registers.base;
    case 0x8d:
      return (
        isLeaOfSame(registers) &&
        isZero(window, instruction.displacement) &&
        prefixes.every((prefix) => prefix === 0x3e)
      );
    // With F3 it is PAUSE, with REX.B an exchange of RAX and another register.
    case 0x90:
      return registers.opcodeExtension === 0 && !prefixes.includes(0xf3);
    case 0xe9:
    case 0xeb:
      return isZero(window, instruction.branch);
    default:
      return false;
  }
}

/** LEA with a displacement, without an index, of 64 bits, to the register it reads. */
function isLeaOfSame({ mod, wide, reg, base, scale, index }: Registers): boolean {
  return (mod === 1 || mod === 2) && wide && reg === base && scale === 0 && index === noIndex;
}

/** Index 4 without REX.X stands for no index register. */
const noIndex = 4;

/** Numbers in ModRM and SIB with their extension by REX and REX2. */
interface Registers {
  readonly wide: boolean;
  /** What REX.B and REX2.B4 add to a register number in the opcode, ModRM.rm or SIB.base. */
  readonly opcodeExtension: number;
  readonly mod: number;
  readonly reg: number;
  /** ModRM.rm, or SIB.base where there is SIB. */
  readonly base: number;
  readonly scale: number;
  readonly index: number;
}

function readRegisters(window: Uint8Array, { encoding, rex = 0, modrm }: Instruction): Registers {
  // REX2 holds the fourth bits in bits 2 to 0, as REX does, and the fifth ones in bits 6 to 4.
  const extension = (bit: number): number =>
    ((rex >> bit) & 1) * 8 + (encoding === 'rex2' ? ((rex >> (bit + 4)) & 1) * 16 : 0);
  const byte = modrm === undefined ? 0 : (window[modrm] ?? 0);
  const mod = byte >> 6;
  const sib = modrm !== undefined && mod !== 3 && (byte & 7) === 4 ? window[modrm + 1] : undefined;
  return {
    wide: (rex & 8) !== 0,
    opcodeExtension: extension(0),
    mod,
    reg: ((byte >> 3) & 7) + extension(2),
    base: ((sib ?? byte) & 7) + extension(0),
    scale: (sib ?? 0) >> 6,
    index: sib === undefined ? noIndex : ((sib >> 3) & 7) + extension(1),
  };
}

function isZero(window: Uint8Array, field: InstructionField | undefined): boolean {
  return (
    field !== undefined &&
    window.subarray(field.offset, field.offset + field.size).every((byte) => byte === 0)
  );
}
