import { parseLivepatchSectionName, vmlinuxObject } from '@kelp/core';
import type { LoadedImage } from '@kelp/loader';
import { livepatchRelocations } from '../relocation-sections.ts';
import { startKernel, type Scene } from './scene.ts';
import { strategyNamed } from './strategies.ts';

/** What handling modules that come and go costs in memory. */
export interface Costs {
  /** Memory of the livepatch as one module, init left out. */
  readonly livepatch: number;
  /** Relocations against modules. */
  readonly relocations: number;
  /** Bytes that these change when all modules are there: what has to be kept to restore just them. */
  readonly changed: number;
  /** Memory of the sections that they change: what a copy of whole sections takes. */
  readonly sections: number;
  /** Instructions in these sections that the kernel may rewrite at any time, so that a copy has to follow. */
  readonly switchable: number;
  /** Modules that patch modules, if each object has a module of its own. */
  readonly modules: number;
}

/** Causes of writes to places that the kernel goes on to switch while it runs. */
const switchable: ReadonlySet<string> = new Set(['ftrace', 'jump-label', 'static-call']);

/** Measure a livepatch by loading it with all of its modules. */
export function costsOf(scene: Scene): Costs {
  const { kernel, memory } = startKernel(scene, strategyNamed('kernel'));
  kernel.loadPatch();
  const image = kernel.loaded[0]?.image;
  let changed = 0;
  for (const target of scene.targets) {
    kernel.comes(target.name, target.load(memory));
    changed += kernel.changes().reduce((sum, one) => sum + one.new.length, 0);
  }
  const late = livepatchRelocations(scene.patch.object).filter(({ section }) => {
    const object = parseLivepatchSectionName(section.name)?.object;
    return object !== undefined && object !== vmlinuxObject;
  });
  const relocated = new Set(late.map(({ section }) => section.info));
  const areas = image?.areas.filter(({ area }) => !area.init) ?? [];
  return {
    livepatch: areas.reduce((sum, { bytes }) => sum + bytes.length, 0),
    relocations: late.reduce((sum, { records }) => sum + records.count, 0),
    changed,
    sections: (image?.sections ?? [])
      .filter(({ index }) => relocated.has(index))
      .reduce((sum, { size }) => sum + size, 0),
    switchable: image === undefined ? 0 : countSwitchable(image, relocated),
    modules: new Set(late.map(({ object }) => object)).size,
  };
}

function countSwitchable(image: LoadedImage, relocated: ReadonlySet<number>): number {
  let count = 0;
  const sections = image.sections.filter(({ index }) => relocated.has(index));
  for (const { area, offset, cause } of image.log.writes()) {
    if (!switchable.has(cause)) continue;
    const address = (image.areas[area]?.address ?? 0n) + BigInt(offset);
    if (sections.some((one) => address >= one.address && address < one.address + BigInt(one.size))) count++;
  }
  return count;
}
