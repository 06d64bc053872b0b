import { KelpError } from '@kelp/core';

/** How livepatch relocations of modules that come and go are handled. One engine plays all of them. */
export interface Strategy {
  readonly name: string;
  readonly title: string;
  /** What it is, in one sentence. */
  readonly description: string;
  /**
   * When relocations against a module are written: `late`, once the module is there and the livepatch is formed, or
   * `early`, with all other relocations and before finalization.
   */
  readonly relocated: 'early' | 'late';
  /** What happens to them when the module goes, or its load fails after some were written. */
  readonly undone: 'all' | 'as the kernel does' | 'nothing' | 'restored';
  /** A livepatch module for each object, which is loaded with the object and removed with it. */
  readonly modulePerObject: boolean;
  /** A module cannot be removed while an enabled livepatch patches it. */
  readonly pinsTargets: boolean;
  /** Modules are replaced as a whole: the livepatch has no relocations against them. */
  readonly replacesModules: boolean;
}

const asToday = {
  relocated: 'late',
  undone: 'as the kernel does',
  modulePerObject: false,
  pinsTargets: false,
  replacesModules: false,
} as const;

/** Every strategy, the kernel's own first. */
export const strategies: readonly Strategy[] = [
  {
    ...asToday,
    name: 'kernel',
    title: 'Status quo',
    description: 'Relocations are written when the module is there; the kernel clears what it clears today.',
  },
  {
    ...asToday,
    name: 'clear',
    title: 'Clear on removal',
    description:
      'Every architecture has a complete clear_relocate_add(): fields become zero, stubs, GOT and PLT are given back.',
    undone: 'all',
  },
  {
    ...asToday,
    name: 'per-object',
    title: 'One livepatch module per object',
    description:
      'The part of the livepatch for a module is a module of its own, which is relocated while it is loaded and freed with it.',
    relocated: 'early',
    undone: 'nothing',
    modulePerObject: true,
  },
  {
    ...asToday,
    name: 'early',
    title: 'No late modules',
    description:
      'A livepatch is loaded when all of its modules are there, and holds them: all relocations are written before finalization.',
    relocated: 'early',
    undone: 'nothing',
    pinsTargets: true,
  },
  {
    ...asToday,
    name: 'pin',
    title: 'Refuse to remove patched modules',
    description: 'Modules may come late, but cannot go while the livepatch is enabled.',
    pinsTargets: true,
  },
  {
    ...asToday,
    name: 'replace',
    title: 'Replacement modules',
    description: 'A fixed module is loaded instead of the old one; the livepatch patches vmlinux only.',
    undone: 'nothing',
    replacesModules: true,
  },
  {
    ...asToday,
    name: 'reset',
    title: 'Reset memory',
    description:
      'The bytes of the livepatch become what they were after finalization, and the loader forgets what it had made since.',
    undone: 'restored',
  },
];

/**
 * A strategy by its name.
 *
 * @throws KelpError `lifecycle/strategy`.
 */
export function strategyNamed(name: string): Strategy {
  const found = strategies.find((one) => one.name === name);
  if (found !== undefined) return found;
  const known = strategies.map((one) => one.name).join(', ');
  throw new KelpError('lifecycle/strategy', `${JSON.stringify(name)} is none of ${known}`);
}
