import type { PlaceCount, SectionShapeCount } from './census.ts';
import { compareText } from './compare-text.ts';
import { targetKinds, type SectionShape, type ShapeTarget } from './section-shape.ts';

/** Entry sizes that a table may have. */
const smallestStride = 4;
const largestStride = 128;

/** Relocations at one place of the entries, by {@link targetKinds}. */
type Kinds = [code: number, readOnly: number, writable: number, external: number];

interface ShapeSum {
  relocated: number;
  bytes: number;
  /** Greatest common divisor of all sizes; 0 before the first. Only strides that divide it can be the entry size. */
  unit: number;
  readonly headers: Map<string, SectionShapeCount['headers'][number] & { modules: number }>;
  readonly layouts: Map<string, SectionShapeCount['layouts'][number] & { modules: number }>;
  readonly targets: Map<string, ShapeTarget & { count: number }>;
  readonly strides: Map<number, Map<number, Kinds>>;
}

/** Shapes of sections under construction, by section name. */
export class ShapeAccumulator {
  readonly #shapes = new Map<string, ShapeSum>();

  add(shape: SectionShape): void {
    const sum = this.#sumOf(shape.section);
    const { type, flags, entrySize, layout } = shape;
    addHeader(sum, { type, flags, entrySize, modules: 1 });
    if (layout !== undefined) addLayout(sum, { ...layout, modules: 1 });
    for (const target of shape.targets) addTarget(sum, target);
    if (shape.offsets.length === 0 || shape.size === 0) return;
    narrow(sum, shape.size);
    sum.relocated++;
    sum.bytes = Math.min(sum.bytes + shape.size, Number.MAX_SAFE_INTEGER);
    for (const [stride, places] of sum.strides) {
      for (let index = 0; index < shape.offsets.length; index++) {
        const kinds = placeAt(places, (shape.offsets[index] ?? 0) % stride);
        const kind = shape.kinds[index] ?? 0;
        kinds[kind] = (kinds[kind] ?? 0) + 1;
      }
    }
  }

  addCounts(count: SectionShapeCount): void {
    const sum = this.#sumOf(count.section);
    for (const header of count.headers) addHeader(sum, header);
    for (const layout of count.layouts) addLayout(sum, layout);
    for (const target of count.targets) addTarget(sum, target);
    if (count.unit === 0) return;
    narrow(sum, count.unit);
    sum.relocated += count.relocated;
    sum.bytes = Math.min(sum.bytes + count.bytes, Number.MAX_SAFE_INTEGER);
    for (const place of count.places) {
      const places = sum.strides.get(place.stride);
      if (places === undefined) continue;
      const kinds = placeAt(places, place.offset);
      for (const [index, kind] of targetKinds.entries()) kinds[index] = (kinds[index] ?? 0) + place[kind];
    }
  }

  /** The sums in their canonical order. */
  counts(): readonly SectionShapeCount[] {
    return [...this.#shapes]
      .map(([section, sum]) => ({
        section,
        relocated: sum.relocated,
        bytes: sum.bytes,
        unit: sum.unit,
        headers: inOrder(sum.headers),
        layouts: inOrder(sum.layouts),
        targets: inOrder(sum.targets),
        places: [...sum.strides]
          .flatMap(([stride, places]) => placeCounts(stride, places))
          .toSorted(comparePlaces),
      }))
      .toSorted((a, b) => compareText(a.section, b.section));
  }

  #sumOf(section: string): ShapeSum {
    let sum = this.#shapes.get(section);
    if (sum === undefined) {
      sum = {
        relocated: 0,
        bytes: 0,
        unit: 0,
        headers: new Map(),
        layouts: new Map(),
        targets: new Map(),
        strides: new Map(),
      };
      this.#shapes.set(section, sum);
    }
    return sum;
  }
}

/** Take one more size into account: strides that do not divide it are no entry size of the section. */
function narrow(sum: ShapeSum, size: number): void {
  const before = sum.unit;
  sum.unit = greatestCommonDivisor(before, size);
  if (before === 0) {
    for (let stride = smallestStride; stride <= Math.min(largestStride, sum.unit); stride++)
      if (sum.unit % stride === 0) sum.strides.set(stride, new Map());
    return;
  }
  for (const stride of sum.strides.keys()) if (sum.unit % stride !== 0) sum.strides.delete(stride);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

function placeAt(places: Map<number, Kinds>, offset: number): Kinds {
  let kinds = places.get(offset);
  if (kinds === undefined) places.set(offset, (kinds = [0, 0, 0, 0]));
  return kinds;
}

function placeCounts(stride: number, places: ReadonlyMap<number, Kinds>): readonly PlaceCount[] {
  return [...places].map(([offset, [code, readOnly, writable, external]]) => {
    return { stride, offset, code, readOnly, writable, external };
  });
}

function comparePlaces(a: PlaceCount, b: PlaceCount): number {
  return a.stride - b.stride || a.offset - b.offset;
}

function addHeader(
  sum: ShapeSum,
  { type, flags, entrySize, modules }: SectionShapeCount['headers'][number],
): void {
  const id = JSON.stringify([type, flags, entrySize]);
  const found = sum.headers.get(id);
  if (found === undefined) sum.headers.set(id, { type, flags, entrySize, modules });
  else found.modules += modules;
}

function addTarget(sum: ShapeSum, { section, kind, count }: ShapeTarget): void {
  const id = JSON.stringify([section, kind]);
  const found = sum.targets.get(id);
  if (found === undefined) sum.targets.set(id, { section, kind, count });
  else found.count += count;
}

function addLayout(sum: ShapeSum, { size, fields, modules }: SectionShapeCount['layouts'][number]): void {
  const id = JSON.stringify([size, fields]);
  const found = sum.layouts.get(id);
  if (found === undefined) sum.layouts.set(id, { size, fields, modules });
  else found.modules += modules;
}

function inOrder<Value>(map: ReadonlyMap<string, Value>): readonly Value[] {
  return [...map].toSorted(([a], [b]) => compareText(a, b)).map(([, value]) => value);
}
