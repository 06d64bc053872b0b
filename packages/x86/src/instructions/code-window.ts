/** The bytes that an instruction may take, without a copy or a view of them: decoding makes millions of these. */
export interface CodeWindow {
  readonly bytes: Uint8Array;
  /** Where the instruction starts. */
  readonly start: number;
  /** Where it has to end. */
  readonly end: number;
}

/** A byte counted from the start of the instruction, or undefined behind the end. */
export function byteAt({ bytes, start, end }: CodeWindow, offset: number): number | undefined {
  return start + offset < end ? bytes[start + offset] : undefined;
}
