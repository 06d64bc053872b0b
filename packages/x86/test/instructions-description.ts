import { decodeInstruction, type Instruction, type InstructionField } from '../src/instructions/decode.ts';

/** Bytes, what objdump prints, what the decoder finds. */
export type Case = readonly [bytes: string, text: string, expected: string];

/** Bytes from hexadecimal digits, with or without spaces. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
}

/** The instruction at the start of the bytes, which must be one. */
export function decode(bytes: string): Instruction {
  const instruction = decodeInstruction(hex(bytes), 0);
  if (instruction === undefined) throw new Error(`${bytes} is not decoded`);
  return instruction;
}

function describeField(name: string, field: InstructionField | undefined): readonly string[] {
  return field === undefined ? [] : [`${name} ${field.offset}+${field.size}`];
}

/** Encoding, opcode and fields, and a complaint where the instruction does not take all the bytes. */
export function describeInstruction(bytes: string): string {
  const instruction = decode(bytes);
  const { length, encoding, map, opcode, modrm, displacement, ripRelative, immediate, branch } = instruction;
  return [
    `${encoding === 'legacy' ? '' : `${encoding} `}${map} ${opcode.toString(16).padStart(2, '0')}`,
    ...(modrm === undefined ? [] : [`modrm ${modrm}`]),
    ...describeField(ripRelative ? 'rip-relative' : 'displacement', displacement),
    ...describeField('immediate', immediate),
    ...describeField('branch', branch),
    ...(length === hex(bytes).length ? [] : [`${length} bytes`]),
  ].join(', ');
}
