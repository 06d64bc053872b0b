import {
  decodeInstruction,
  type Instruction,
  type InstructionField,
} from '../../../packages/x86/src/instructions/decode.ts';

/** A place where objdump and the decoder disagree. */
export interface Difference {
  /** Bytes from the start of the section. */
  readonly offset: number;
  readonly what: 'length' | 'validity' | 'target' | 'relocation';
  readonly expected: string;
  readonly found: string;
}

/** A place that a relocation writes. */
export interface RelocatedField {
  readonly offset: number;
  readonly size: number;
}

/** What was compared in one section. */
export interface SectionResult {
  readonly instructions: number;
  /** Lines where objdump prints (bad) and the decoder finds nothing either. */
  readonly invalid: number;
  /** Branch targets and rip-relative addresses that objdump prints. */
  readonly targets: number;
  /** Relocations that write exactly a displacement, immediate or branch distance. */
  readonly relocations: number;
  readonly differences: readonly Difference[];
}

/** One instruction as objdump prints it. */
interface Line {
  readonly address: number;
  readonly text: string;
}

/** Takes one section's instructions from objdump, in order. */
export interface SectionComparison {
  /** @param text - mnemonic and operands. */
  instruction(address: number, text: string): void;
  /** The last instruction ends with the section. */
  end(): SectionResult;
}

/**
 * Decodes a section from its start and compares every instruction with objdump's. Behind a difference it goes on where
 * objdump does.
 *
 * @param relocated - in ascending order.
 */
export function compareSection(bytes: Uint8Array, relocated: readonly RelocatedField[]): SectionComparison {
  const differences: Difference[] = [];
  const counts = { instructions: 0, invalid: 0, targets: 0, relocations: 0 };
  let open: Line | undefined;
  let nextRelocation = 0;

  const close = (end: number): void => {
    if (open === undefined) return;
    const { address, text } = open;
    const instruction = decodeInstruction(bytes, address);
    const difference = compareInstruction(bytes, instruction, open, end);
    counts.instructions++;
    if (difference !== undefined) differences.push(difference);
    else if (instruction === undefined) counts.invalid++;
    else if (printedTarget(text) !== undefined) counts.targets++;
    let field = relocated[nextRelocation];
    for (; field !== undefined && field.offset < end; field = relocated[++nextRelocation]) {
      const wrong = compareRelocation(instruction, address, field);
      if (wrong === undefined) counts.relocations++;
      else differences.push(wrong);
    }
  };

  return {
    instruction(address, text) {
      if (open === undefined && address !== 0) {
        differences.push({
          offset: 0,
          what: 'length',
          expected: `a first line at 0x${address.toString(16)}`,
          found: '0x0',
        });
      }
      close(address);
      open = { address, text };
    },
    end() {
      close(bytes.length);
      return { ...counts, differences };
    },
  };
}

function compareInstruction(
  bytes: Uint8Array,
  instruction: Instruction | undefined,
  { address, text }: Line,
  end: number,
): Difference | undefined {
  const length = end - address;
  const place = { offset: address, expected: `${length} bytes: ${text}` };
  const isBad = text.includes('(bad)');
  if (instruction === undefined) return isBad ? undefined : { ...place, what: 'validity', found: 'nothing' };
  const found = `${instruction.length} bytes`;
  if (isBad) return { ...place, what: 'validity', found };
  if (instruction.length !== length) return { ...place, what: 'length', found };
  const target = targetOf(bytes, address, instruction);
  if (target === printedTarget(text)) return undefined;
  return { ...place, what: 'target', found: target === undefined ? 'none' : `0x${target.toString(16)}` };
}

function compareRelocation(
  instruction: Instruction | undefined,
  address: number,
  { offset, size }: RelocatedField,
): Difference | undefined {
  const fields = [instruction?.displacement, instruction?.immediate, instruction?.branch];
  if (fields.some((field) => field !== undefined && address + field.offset === offset && field.size === size))
    return undefined;
  const found = fields
    .flatMap((field) => (field === undefined ? [] : [`${field.offset}+${field.size}`]))
    .join(', ');
  return {
    offset,
    what: 'relocation',
    expected: `a field of ${size} bytes at ${offset - address}`,
    found: found || 'none',
  };
}

const branchMnemonic =
  /^(?:(?:bnd|notrack|data16|rex\.?[WRXB]*|cs|ds|es|ss|repz|repnz) )*(?:call|jmp|j[a-z]+|loop[a-z]*|xbegin)[wlq]?(?:,p[nt])? +/u;
const branchTarget = /^(?:0x)?([0-9a-f]+)(?: <.*>)?$/u;
const ripComment = /\(%[er]ip\).* +# (?:0x)?([0-9a-f]+)(?: <.*>)?$/u;

/** The address that objdump prints for a direct branch or a rip-relative operand, as a 64-bit number. */
export function printedTarget(text: string): bigint | undefined {
  const comment = ripComment.exec(text)?.[1];
  if (comment !== undefined) return BigInt(`0x${comment}`);
  const mnemonic = branchMnemonic.exec(text)?.[0];
  const target = mnemonic === undefined ? undefined : branchTarget.exec(text.slice(mnemonic.length))?.[1];
  return target === undefined ? undefined : BigInt(`0x${target}`);
}

/** The same address, from the decoder's fields. */
function targetOf(bytes: Uint8Array, offset: number, instruction: Instruction): bigint | undefined {
  const field = instruction.branch ?? (instruction.ripRelative ? instruction.displacement : undefined);
  if (field === undefined) return undefined;
  return BigInt.asUintN(64, BigInt(offset + instruction.length) + signedField(bytes, offset, field));
}

function signedField(bytes: Uint8Array, start: number, { offset, size }: InstructionField): bigint {
  let value = 0n;
  for (let index = size - 1; index >= 0; index--)
    value = (value << 8n) | BigInt(bytes[start + offset + index] ?? 0);
  return BigInt.asIntN(size * 8, value);
}
