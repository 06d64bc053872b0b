import type { Place } from '@kelp/core';

/** A function that a livepatch replaces: struct klp_func, or what a build tool makes one of. */
export interface LivepatchFunction {
  /** Name of the function in its object; undefined where the pointer is missing. Untrusted. */
  readonly oldName: string | undefined;
  /** Symbol of the replacement, or section and offset where no symbol stands there; undefined where it is missing. Untrusted. */
  readonly newFunction: string | undefined;
  /** Sympos: 0, the name is unique in its object; n, the n-th of the name. */
  readonly position: bigint;
  /** Where the structure stands. */
  readonly place: Place;
}

/** An object that a livepatch changes: struct klp_object, or what a build tool makes one of. */
export interface LivepatchObject {
  /** `vmlinux`, or the name of a module at run time. Untrusted. */
  readonly name: string;
  /** The structure names a module. Its name may be `vmlinux` nevertheless, and then it is never found. */
  readonly isModule: boolean;
  readonly functions: readonly LivepatchFunction[];
  /** Where the structure stands. */
  readonly place: Place;
}
