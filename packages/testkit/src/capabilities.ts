import type { Architecture } from '@kelp/core';
import type { OpenedInput } from './check-architecture.ts';
import { checkMemory, type MemoryTrial } from './memory-fixture.ts';
import { checkModule } from './module-check.ts';
import { checkReversal } from './relocation-checks.ts';
import { checkVectors } from './vector-check.ts';

/** What the fixtures show of a feature. */
export type Flag = 'recognized' | 'decoded' | 'applied' | 'reversible' | 'proven';

const order: readonly Flag[] = ['recognized', 'decoded', 'applied', 'reversible', 'proven'];

/**
 * Flags of every special section and of every relocation type that some kernel accepts, by `section/NAME` and
 * `relocation/NAME`; empty where none is shown.
 */
export function shownFlags(
  architecture: Architecture,
  input: OpenedInput,
): ReadonlyMap<string, ReadonlySet<Flag>> {
  const flags = new Map<string, Set<Flag>>([
    ...architecture.relocationTypes
      .filter(({ rules }) => rules.some(({ verdict }) => verdict !== 'refused'))
      .map(({ name }) => [`relocation/${name}`, new Set<Flag>()] as const),
    ...architecture.specialSections.map(({ name }) => [`section/${name}`, new Set<Flag>()] as const),
  ]);
  addVectors(architecture, input, flags);
  for (const { object, kernel } of input.objects) {
    for (const { feature, check, contradiction } of checkModule(architecture, kernel, object))
      if (contradiction === undefined) flags.get(feature)?.add(check);
  }
  for (const trial of input.trials) {
    if ([...checkMemory(architecture, trial)].length > 0) continue;
    for (const feature of featuresIn(architecture, trial)) flags.get(feature)?.add('proven');
  }
  return flags;
}

function addVectors(
  architecture: Architecture,
  { kernels, vectors }: OpenedInput,
  flags: ReadonlyMap<string, Set<Flag>>,
): void {
  for (const kernel of kernels) {
    const stuck = new Set(
      [...checkReversal(architecture, kernel, vectors.vectors)].map(({ feature }) => feature),
    );
    for (const result of checkVectors(architecture, kernel, vectors.vectors)) {
      const feature = `relocation/${result.name}`;
      const own = flags.get(feature);
      if (own === undefined || result.compared === 0) continue;
      if (!result.misnamed) own.add('recognized');
      if (result.misread.length === 0) own.add('decoded');
      if (result.mismatches.length + result.unforeseen.length === 0) own.add('applied');
      if (!stuck.has(feature)) own.add('reversible');
    }
  }
}

/** Relocation types that land in memory that was compared, and special sections there. */
function featuresIn(architecture: Architecture, { input, memory }: MemoryTrial): readonly string[] {
  const { object, kernel } = input;
  const compared = new Set(memory.map(({ name }) => name));
  const types = object.sections.flatMap((section) => {
    const target = object.sections[section.info]?.name ?? '';
    const relocations = compared.has(target) ? object.relocations(section) : undefined;
    return Array.from({ length: relocations?.count ?? 0 }, (_, index) => relocations?.type(index) ?? 0);
  });
  return [
    ...[...new Set(types)].map((type) => `relocation/${architecture.relocationType(type)?.name}`),
    ...[...compared].map((name) => `section/${architecture.specialSection(name, kernel)?.name}`),
  ];
}

/** Lines for people: features by what is shown of them, what is shown least first. */
export function describeFlags(flags: ReadonlyMap<string, ReadonlySet<Flag>>): readonly string[] {
  const groups = new Map<string, string[]>();
  for (const [feature, own] of flags) {
    const shown = order.filter((flag) => own.has(flag)).join(', ') || 'nothing shown';
    const names = groups.get(shown) ?? [];
    groups.set(shown, names);
    names.push(feature.slice(feature.indexOf('/') + 1));
  }
  return [...groups]
    .toSorted(([a], [b]) => a.split(', ').length - b.split(', ').length)
    .map(([shown, names]) => `${shown}: ${names.join(' ')}`);
}
