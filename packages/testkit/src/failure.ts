/** Something about an architecture that a check of the conformance suite does not bear out. */
export interface Failure {
  /** Name of the check. */
  readonly check: string;
  /** `relocation/NAME`, `section/NAME`, `step/NAME`; of the whole architecture without it. */
  readonly feature?: string;
  /** What was found and what was expected. */
  readonly message: string;
}
