import { evaluate, macrosOf, type Condition, type Knowledge } from './c/condition.ts';

/** A choice for each option that a comparison depends on, as `CONFIG_X` to on or off. */
export type Choice = ReadonlyMap<string, boolean>;

/** More undecided options than this are not all tried. */
const mostOptions = 6;

/** Every choice of the options that the conditions ask for. */
export function choicesFor(conditions: readonly Condition[]): readonly Choice[] {
  const options = [...new Set(conditions.flatMap(macrosOf))].slice(0, mostOptions);
  let choices: readonly Choice[] = [new Map()];
  for (const option of options) {
    choices = choices.flatMap((choice) => [false, true].map((on) => new Map([...choice, [option, on]])));
  }
  return choices;
}

/** Macros whose meaning no configuration changes: assembler is not read as C, headers are read once. */
function common(name: string): boolean | undefined {
  if (name === '__KERNEL__') return true;
  return /^(?:__ASSEMBLY__|__ASSEMBLER__|_*[A-Z][A-Z\d_]*_H_*)$/u.test(name) && !name.startsWith('CONFIG_')
    ? false
    : undefined;
}

/** Knowledge with a choice added to it. */
export function knowledgeOf(fixed: Readonly<Record<string, boolean>>, choice: Choice = new Map()): Knowledge {
  return (name) => choice.get(name) ?? (Object.hasOwn(fixed, name) ? fixed[name] : common(name));
}

/** Whether all conditions hold, as far as is known. */
export function holdsAll(conditions: readonly Condition[], known: Knowledge): boolean {
  return conditions.every((condition) => evaluate(condition, known) !== false);
}

/** A choice in words: `PPC_KERNEL_PCREL=y`. */
export function describeChoice(choice: Choice): string {
  return [...choice].map(([option, on]) => `${option.replace(/^CONFIG_/u, '')}=${on ? 'y' : 'n'}`).join(' ');
}

/** Merge what is said under several choices: what is said under all of them does not depend on them. */
export function mergeChoices<T extends { readonly configuration: string }>(
  found: readonly (readonly T[])[],
): readonly T[] {
  const merged = new Map<string, { readonly one: T; readonly configurations: string[] }>();
  for (const one of found.flat()) {
    const key = JSON.stringify({ ...one, configuration: '' });
    const known = merged.get(key);
    if (known === undefined) merged.set(key, { one, configurations: [one.configuration] });
    else known.configurations.push(one.configuration);
  }
  return [...merged.values()].map(({ one, configurations }) => ({
    ...one,
    configuration: configurations.length === found.length ? '' : configurations.join(', or '),
  }));
}
