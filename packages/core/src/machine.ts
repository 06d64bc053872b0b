/** The machine that a module is loaded on, as far as loading depends on it. */
export interface Machine {
  /** Bytes of a page. */
  readonly pageSize: number;
  /** More than one CPU was brought up at boot. */
  readonly smp: boolean;
  /**
   * Whether a CPU feature, a capability or a mitigation is on. Names are the architecture's own, by kernel version.
   *
   * @returns undefined where the description does not tell.
   */
  feature(name: string): boolean | undefined;
  /** A number that the machine or its kernel chose, such as the TOC of the kernel; undefined where not told. */
  value(name: string): bigint | undefined;
}
