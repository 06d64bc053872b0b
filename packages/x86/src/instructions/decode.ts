import { byteAt, type CodeWindow } from './code-window.ts';
import { readOpcode, type Encoding, type Opcode, type OpcodeMap } from './opcode.ts';
import type { FieldSize, OperandForm } from './operand-forms.ts';
import { readPrefixes, type Prefixes } from './prefixes.ts';

/** Part of an instruction; offset in bytes from the start of the instruction. Little-endian. */
export interface InstructionField {
  readonly offset: number;
  readonly size: number;
}

/** Length and fields of one instruction in 64-bit mode. All offsets count from its first byte. */
export interface Instruction {
  /** Bytes, 1 to 15. */
  readonly length: number;
  /** Legacy prefixes at the start, in bytes; a REX byte between them, which has no effect, is not counted. */
  readonly legacyPrefixes: number;
  /** All prefixes: legacy, REX, REX2, VEX, EVEX, XOP. The escape bytes of the opcode come next, or the opcode. */
  readonly prefixLength: number;
  readonly encoding: Encoding;
  /** REX, or the payload byte of REX2; undefined where neither is in effect. */
  readonly rex: number | undefined;
  readonly map: OpcodeMap;
  /** The opcode byte, behind the escape bytes. */
  readonly opcode: number;
  /** Offset of ModRM. */
  readonly modrm: number | undefined;
  /** Of a memory operand, absolute or not: 1, 4 or 8 bytes. */
  readonly displacement: InstructionField | undefined;
  /** The displacement counts from the end of the instruction. */
  readonly ripRelative: boolean;
  /** 1 to 8 bytes. ENTER, EXTRQ and INSERTQ have two immediates, given as one field. */
  readonly immediate: InstructionField | undefined;
  /** Distance from the end of the instruction that CALL, JMP, Jcc, LOOP, JRCXZ or XBEGIN jump: 1, 2 or 4 bytes. */
  readonly branch: InstructionField | undefined;
}

/** Architectural limit: longer ones fault (Intel SDM, volume 2, section 2.3.11). */
const longestInstruction = 15;

/**
 * Decode the instruction at an offset, as a CPU in 64-bit mode reads it.
 *
 * An encoding counts as valid if its opcode, mandatory prefix and ModRM.reg are assigned. What a CPU refuses beyond that
 * (LOCK with a register, a register where only memory is allowed, fixed bits of VEX and EVEX) is decoded.
 *
 * The kernel's decoder, arch/x86/lib/insn.c, differs in encodings that kernels do not use: it reads no prefix behind REX,
 * no ModRM of UD0, 0f 19 and 0f 1d, and memory operands of MOV with control registers.
 *
 * @returns undefined where the bytes end within the instruction, or are none.
 */
export function decodeInstruction(bytes: Uint8Array, offset: number): Instruction | undefined {
  if (!Number.isInteger(offset) || offset < 0) return undefined;
  const code = { bytes, start: offset, end: Math.min(bytes.length, offset + longestInstruction) };
  const prefixes = readPrefixes(code);
  const opcode = readOpcode(code, prefixes);
  const byte = opcode === undefined ? undefined : byteAt(code, opcode.offset);
  if (opcode === undefined || byte === undefined) return undefined;
  const form = opcode.table.form(byte, opcode.prefix, byteAt(code, opcode.offset + 1));
  if (form === undefined) return undefined;
  const operands = placeOperands(code, opcode, prefixes, form);
  if (operands === undefined || offset + operands.length > code.end) return undefined;
  // Spreading operands would cost fifty times what all of decoding does.
  const { length, modrm, displacement, ripRelative, immediate, branch } = operands;
  return {
    length,
    modrm,
    displacement,
    ripRelative,
    immediate,
    branch,
    legacyPrefixes: prefixes.legacy,
    prefixLength: opcode.prefixLength,
    encoding: opcode.encoding,
    rex: opcode.rex,
    map: opcode.map,
    opcode: byte,
  };
}

type Operands = Pick<
  Instruction,
  'length' | 'modrm' | 'displacement' | 'ripRelative' | 'immediate' | 'branch'
>;

function placeOperands(
  code: CodeWindow,
  opcode: Opcode,
  prefixes: Prefixes,
  form: OperandForm,
): Operands | undefined {
  let end = opcode.offset + 1;
  let modrm: number | undefined;
  let memory: Memory | undefined;
  if (form.modrm !== undefined) {
    modrm = end;
    memory = readModrm(code, modrm, form);
    if (memory === undefined) return undefined;
    end += memory.sib === true ? 2 : 1;
  }
  const displacement = fieldAt(end, memory?.displacement ?? form.displacement, opcode, prefixes);
  end += displacement?.size ?? 0;
  const immediate = fieldAt(end, form.immediate, opcode, prefixes);
  end += immediate?.size ?? 0;
  const branch = fieldAt(end, form.branch, opcode, prefixes);
  end += branch?.size ?? 0;
  return { length: end, modrm, displacement, ripRelative: memory?.ripRelative === true, immediate, branch };
}

function fieldAt(
  offset: number,
  size: FieldSize | undefined,
  opcode: Opcode,
  prefixes: Prefixes,
): InstructionField | undefined {
  return size === undefined ? undefined : { offset, size: sizeInBytes(size, opcode, prefixes) };
}

interface Memory {
  readonly sib?: boolean;
  readonly displacement?: 1 | 4;
  readonly ripRelative?: boolean;
}

/** What ModRM says follows (Intel SDM, volume 2, tables 2-2, 2-3 and 2-7). Undefined where it is missing or not allowed. */
function readModrm(code: CodeWindow, at: number, form: OperandForm): Memory | undefined {
  const modrm = byteAt(code, at);
  if (modrm === undefined || (typeof form.modrm === 'number' && modrm !== form.modrm)) return undefined;
  const mod = modrm >> 6;
  const rm = modrm & 7;
  if (mod === 3 || form.modrm === 'register') return {};
  if (mod === 0 && rm === 5) return { displacement: 4, ripRelative: true };
  const sib = rm === 4;
  if (mod === 1) return { sib, displacement: 1 };
  // Without a base register there is a displacement; a missing SIB ends in an instruction that is too long.
  const base = sib ? (byteAt(code, at + 1) ?? 0) & 7 : rm;
  return mod === 2 || base === 5 ? { sib, displacement: 4 } : { sib };
}

function sizeInBytes(
  size: FieldSize,
  { wide, map, prefix }: Opcode,
  { operandSize, addressSize }: Prefixes,
): number {
  if (typeof size === 'number') return size;
  if (size === 'address') return addressSize ? 4 : 8;
  // W wins over 66; in EVEX map 4 the field pp stands for 66.
  if (wide) return size === 'v' ? 8 : 4;
  return operandSize || (map === 'map4' && prefix === 1) ? 2 : 4;
}
