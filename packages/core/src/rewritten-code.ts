import type { Applicability } from './kernel.ts';

/** Where the entries of a special section say that instructions lie. */
export type CodeExtent = {
  /** Field that refers to the first instruction. */
  readonly start: string;
} & (
  | { readonly bytes: number }
  /** Field that holds the number of bytes. */
  | { readonly length: string }
  /** Field that refers to what follows the last instruction. */
  | { readonly end: string }
);

/**
 * A special section whose consumer rewrites instructions of a module before relocations of a livepatch against modules
 * are written: those find other instructions than their author had in mind.
 */
export interface RewrittenCode {
  /** Name of the section; a trailing `*` stands for any rest. */
  readonly section: string;
  readonly applies?: readonly Applicability[];
  /** What is rewritten. */
  readonly code: CodeExtent;
  /** What it is overwritten with a copy of. */
  readonly copy?: CodeExtent;
  /** Field that refers to the key which decides; the consumer writes to it. */
  readonly key?: string;
}

/** Rows that generic code of the kernel makes true on all architectures. */
export function genericRewrittenCode(jumpBytes: number): readonly RewrittenCode[] {
  return [{ section: '__jump_table', code: { start: 'code', bytes: jumpBytes }, key: 'key' }];
}
