import { applyRelocation, clearRelocation, parseKernel, relocationRule } from '@kelp/core';
import type { Kernel, Letters, RelocationInput, RelocationOutcome, RelocationRule } from '@kelp/core';
import { ppc64le } from '@kelp/ppc64le';

/** A kernel of the TOC model. */
export const tocKernel: Kernel = parseKernel('7.3');
/** A kernel that addresses relative to the program counter. */
export const pcrelKernel: Kernel = parseKernel('7.3', new Map([['PPC_KERNEL_PCREL', 'y']]));

/** One relocation of a test: words and letters in hexadecimal or decimal notation as they are read best. */
export interface Case {
  readonly kernel?: Kernel;
  /** Bytes of the section in hexadecimal, as they stand in the file; the place is at offset 0 unless given. */
  readonly before: string;
  readonly offset?: number;
  readonly letters: Partial<Letters>;
  readonly symbol?: RelocationInput['symbol'];
}

/** The outcome of a case, and the bytes it leaves in hexadecimal. */
export interface Applied {
  readonly outcome: RelocationOutcome;
  readonly after: string;
}

const local = { name: 'local', external: false };

export function ruleOf(name: string, kernel: Kernel = tocKernel): RelocationRule {
  const type = ppc64le.relocationTypes.find((row) => row.name === name);
  const rule = type === undefined ? undefined : relocationRule(type, kernel);
  if (rule === undefined) throw new Error(`${name} has no rule in ${kernel.release}`);
  return rule;
}

export function apply(name: string, test: Case): Applied {
  const input = inputOf(test);
  const outcome = applyRelocation(ruleOf(name, test.kernel), input);
  return { outcome, after: Buffer.from(input.bytes).toString('hex') };
}

/** The bytes in hexadecimal after a relocation was applied and cleared again. */
export function applyAndClear(name: string, test: Case, original?: bigint): string {
  const input = inputOf(test);
  const rule = ruleOf(name, test.kernel);
  applyRelocation(rule, input);
  clearRelocation(rule, input, original);
  return Buffer.from(input.bytes).toString('hex');
}

function inputOf({ before, offset = 0, letters, symbol = local }: Case): RelocationInput {
  const bytes = Uint8Array.from(Buffer.from(before, 'hex'));
  return { bytes, offset, letters: { S: 0n, A: 0n, P: 0n, ...letters }, symbol, byteOrder: 'little' };
}
