import { KelpError } from '@kelp/core';

/** What can happen to a livepatch and to a module that it patches. */
export const stepNames = ['load-patch', 'disable', 'unload-patch', 'load-target', 'unload-target'] as const;

export type StepName = (typeof stepNames)[number];

/** One step; with several targets, of one of them. */
export interface Step {
  readonly name: StepName;
  /** Name of the module; undefined for steps of the livepatch, and where all targets are meant. Untrusted. */
  readonly target: string | undefined;
}

/** The livepatch comes first, the module is loaded twice. Then it is disabled with the module there. */
export const usualSteps: readonly StepName[] = [
  'load-patch',
  'load-target',
  'unload-target',
  'load-target',
  'unload-target',
  'load-target',
  'disable',
  'unload-patch',
];

/** The life of the livepatch, and that of the module: each in its only order. */
const patchLife: readonly StepName[] = ['load-patch', 'disable', 'unload-patch'];
const targetLife: readonly StepName[] = ['load-target', 'unload-target', 'load-target', 'unload-target'];

/** Every order in which the life of a livepatch and that of a module, which is loaded twice, can meet. */
export function allOrders(): readonly (readonly StepName[])[] {
  return interleavings(patchLife, targetLife);
}

function interleavings(
  one: readonly StepName[],
  other: readonly StepName[],
): readonly (readonly StepName[])[] {
  const [first, ...restOfOne] = one;
  const [second, ...restOfOther] = other;
  if (first === undefined) return [other];
  if (second === undefined) return [one];
  return [
    ...interleavings(restOfOne, other).map((rest) => [first, ...rest]),
    ...interleavings(one, restOfOther).map((rest) => [second, ...rest]),
  ];
}

/**
 * Read steps as people write them: `load-patch,load-target,unload-target`, or `load-target:NAME` for one of several.
 *
 * @throws KelpError `lifecycle/step`.
 */
export function parseSteps(text: string): readonly Step[] {
  return text.split(',').map((word) => {
    const [name = '', target] = word.trim().split(':', 2);
    const known = stepNames.find((one) => one === name);
    if (known === undefined) {
      const message = `${JSON.stringify(name)} is no step; known are ${stepNames.join(', ')}`;
      throw new KelpError('lifecycle/step', message);
    }
    return { name: known, target };
  });
}
