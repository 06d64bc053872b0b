import { parseLivepatchSectionName, vmlinuxObject } from '@kelp/core';
import type { LoadedModule } from '@kelp/loader';
import { livepatchRelocations } from '../relocation-sections.ts';
import { startKernel, type Scene } from './scene.ts';
import { strategyNamed } from './strategies.ts';
import type { StepVerdict } from './verdict.ts';

/** What one section would be if relocations against modules were written before finalization, and is not. */
export interface SectionGain {
  /** The section that is relocated. Untrusted. */
  readonly section: string;
  /** Relocations against modules in it. */
  readonly relocations: number;
  /** Bytes that finalization makes in one case and not in the other, or where it makes something else. */
  readonly bytes: number;
  /** The finalization steps that had written these bytes. */
  readonly causes: readonly string[];
}

/** What it changes that relocations against modules are written late. */
export interface EarlyGain {
  /** How the livepatch loads, its modules being there, with late and with early relocations. */
  readonly late: StepVerdict;
  readonly early: StepVerdict;
  readonly sections: readonly SectionGain[];
}

/**
 * Load a livepatch whose modules are all there, once as the kernel does it, and once with the relocations against these
 * modules before finalization. Whatever differs in bytes that finalization has written is what coming late costs.
 */
export function earlyGain(scene: Scene): EarlyGain {
  const [late, early] = ['kernel', 'early'].map((name) => loadAfterTargets(scene, name));
  const sections = early?.loaded === undefined ? [] : sectionGains(scene, late?.loaded, early.loaded);
  const skipped = { status: 'skipped', reason: 'not played' } as const;
  return { late: late?.verdict ?? skipped, early: early?.verdict ?? skipped, sections };
}

interface Loaded {
  readonly verdict: StepVerdict;
  /** Undefined where the kernel refuses it. */
  readonly loaded: LoadedModule | undefined;
}

function loadAfterTargets(scene: Scene, strategy: string): Loaded {
  const { kernel, memory } = startKernel(scene, strategyNamed(strategy));
  for (const target of scene.targets) kernel.comes(target.name, target.load(memory));
  const { verdict } = kernel.loadPatch();
  return { verdict, loaded: kernel.loaded[0] };
}

function sectionGains(
  scene: Scene,
  late: LoadedModule | undefined,
  early: LoadedModule,
): readonly SectionGain[] {
  const counts = new Map<number, number>();
  for (const { section, records } of livepatchRelocations(scene.patch.object)) {
    const object = parseLivepatchSectionName(section.name)?.object;
    if (object === undefined || object === vmlinuxObject) continue;
    counts.set(section.info, (counts.get(section.info) ?? 0) + records.count);
  }
  const found: SectionGain[] = [];
  for (const { index, name, address, size } of early.image.sections) {
    const different =
      late === undefined ? { bytes: 0, causes: [] } : differingBytes(late, early, address, size);
    const relocations = counts.get(index) ?? 0;
    if (relocations === 0 && different.bytes === 0) continue;
    found.push({ section: name, relocations, ...different });
  }
  return found;
}

/** Causes of writes that are part of relocating: they may give the same result in other slots. */
const relocating: ReadonlySet<string> = new Set([
  'relocation',
  'livepatch-relocation',
  'stub',
  'stub-overrun',
  'got',
  'plt',
  'plt-overrun',
  'veneer',
]);

function differingBytes(
  late: LoadedModule,
  early: LoadedModule,
  start: bigint,
  size: number,
): Pick<SectionGain, 'bytes' | 'causes'> {
  const [one, other] = [late, early].map(({ image }) => image.read(start, size));
  if (one === undefined || other === undefined) return { bytes: 0, causes: [] };
  const finalized = [late, early].map((loaded) => finalizedBytes(loaded, start, size));
  let bytes = 0;
  const causes = new Set<string>();
  for (let offset = 0; offset < size; offset++) {
    if (one[offset] === other[offset]) continue;
    const own = finalized.flatMap((map) => map.get(offset) ?? []);
    if (own.length === 0) continue;
    bytes++;
    for (const cause of own) causes.add(cause);
  }
  return { bytes, causes: [...causes].toSorted() };
}

/**
 * For each byte of a section the finalization step that wrote it last, by its offset. Where a step asks what the file does
 * not decide, such as the state of a static key, nothing can be said.
 */
function finalizedBytes(
  { image, open }: LoadedModule,
  start: bigint,
  size: number,
): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  for (const { area, offset, length, cause } of image.log.writes()) {
    const placed = image.areas[area];
    if (placed === undefined || relocating.has(cause)) continue;
    const first = Number(placed.address + BigInt(offset) - start);
    for (let at = Math.max(0, first); at < Math.min(size, first + length); at++) found.set(at, cause);
  }
  for (const { address, candidates } of open)
    for (let at = 0; at < (candidates[0]?.bytes.length ?? 0); at++)
      found.delete(Number(address - start) + at);
  return found;
}
