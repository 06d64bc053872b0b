import { decodeInstruction } from '../../../packages/x86/src/instructions/decode.ts';

// tools/perf/arch/x86/tests/insn-x86-dat-64.c in the kernel source: encodings that GNU as made and objdump printed, among
// them those of APX, each as {{bytes}, length, branch distance, operation, branch kind, objdump's line}.

const vector = /\{\{([^}]*)\}, (\d+), (-?\w+), "[^"]*", "[^"]*",\s*"([^"]*)"/gu;

/** Result of comparing the decoder with such a file. */
export interface VectorResult {
  readonly vectors: number;
  /** objdump's line, and what the decoder finds instead. */
  readonly differences: readonly string[];
}

/** Compares length and branch distance of every encoding in the file. */
export function compareVectors(source: string): VectorResult {
  const vectors = [...source.matchAll(vector)].map(([, list = '', length, distance, line = '']) => ({
    bytes: Uint8Array.from(
      list.split(',').filter((byte) => byte.trim() !== ''),
      Number,
    ),
    length: Number(length),
    distance: Number(distance),
    line: line.replace(String.raw`\t`, ' '),
  }));
  const differences = vectors.flatMap(({ bytes, length, distance, line }) => {
    const instruction = decodeInstruction(bytes, 0);
    const found = branchDistance(bytes, instruction?.branch);
    if (instruction?.length === length && bytes.length === length && found === distance) return [];
    return [
      `${line}: ${length} bytes, distance ${distance}; found ${instruction?.length ?? 'nothing'}, ${found}`,
    ];
  });
  return { vectors: vectors.length, differences };
}

function branchDistance(
  bytes: Uint8Array,
  field: { readonly offset: number; readonly size: number } | undefined,
): number {
  if (field === undefined) return 0;
  const view = new DataView(bytes.buffer);
  if (field.size === 1) return view.getInt8(field.offset);
  return field.size === 2 ? view.getInt16(field.offset, true) : view.getInt32(field.offset, true);
}
