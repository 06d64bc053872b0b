/** How much a finding matters: an error stops the kernel or the reader, a warning may, a note never does. */
export type Severity = 'error' | 'warning' | 'note';

/** A place in a file: a section by name and, where it applies, a byte offset in it. */
export interface Place {
  /** Section name as the file gives it. Untrusted: escape it before it is printed. */
  readonly section: string;
  /** Bytes from the start of the section. */
  readonly offset: number;
}

/** Something worth saying about bytes that could be read. Findings are returned, errors are thrown. */
export interface Finding {
  /** Stable code `area/name`. */
  readonly code: `${string}/${string}`;
  readonly severity: Severity;
  readonly place?: Place;
  /** What was found and what was expected; one sentence, no trailing period. May quote untrusted names. */
  readonly message: string;
}
