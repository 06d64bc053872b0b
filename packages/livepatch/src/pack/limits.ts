/** Something that a package of replacement modules cannot stop. */
export interface PackagingLimit {
  readonly code: `pack/${string}`;
  readonly text: string;
}

/** What holds for every package: kmod decides by names and paths, the kernel by what it is given. */
export const packagingLimits: readonly PackagingLimit[] = [
  {
    code: 'pack/insmod',
    text: 'insmod with a path, and init_module() without kmod, load whatever file they are given',
  },
  {
    code: 'pack/initramfs',
    text: 'an initramfs keeps the old files and their configuration until it is made again',
  },
  {
    code: 'pack/loaded',
    text: 'a module that is loaded stays what it is until it is removed or the machine starts again',
  },
];

/** What holds where something is replaced under another name. */
export const blacklistLimit: PackagingLimit = {
  code: 'pack/dependents-of-old',
  text: 'modules that need symbols of a deprecated module still load it: dependencies go by file, not by alias',
};

/** What holds where the old module is signed and the new one is not. */
export const signatureLimit: PackagingLimit = {
  code: 'pack/signature',
  text: 'a kernel that enforces signatures, as under lockdown, refuses an unsigned replacement, and kmod does not fall back',
};

/** What holds where a livepatch patches a module that is replaced. */
export const patchedAgainLimit: PackagingLimit = {
  code: 'pack/patched-again',
  text: 'livepatch finds modules by name: a livepatch for a module is applied to its replacement too',
};
