import type { PlaceCount, SectionShapeCount } from './census.ts';
import { isOrdinaryName } from './section-detector.ts';
import { targetKinds } from './section-shape.ts';

/** A place of the entries that pointers fill. */
interface DetectedField {
  readonly offset: number;
  /** Share of the entries that have a pointer there. */
  readonly filled: number;
  /** Share of the pointers that lead into code. */
  readonly code: number;
}

/** What a section looks like from many modules, to somebody who knows no names. */
export interface DetectedTable {
  readonly section: string;
  /** Why it is taken for a table of the kernel. */
  readonly signals: readonly ('points into code' | 'regular stride' | 'declares entries' | 'executable')[];
  /** Bytes from one entry to the next, where pointers repeat regularly. */
  readonly stride: number | undefined;
  readonly fields: readonly DetectedField[];
  /** Sections of the modules that it points to, the most frequent first; empty text for other files. */
  readonly targets: readonly string[];
}

/** Pointers that are missing in fewer entries than this are optional; with more, it is no field. */
const smallestShare = 0.9;

/** A field leads to one kind of target in at least this share of the entries. */
const pureShare = 0.98;

/** Fields whose shares of code differ by this much are two fields. */
const clearDifference = 0.2;

const executable = 4n;
const linkOrder = 0x80n;

/**
 * Whether a section looks like a table of the kernel, and what its entries are like. Uses the file alone: the names that
 * compilers give, section headers, and where relocations repeat.
 *
 * @returns undefined for a section that compilers make, or that gives no sign.
 */
export function detectTable(shape: SectionShapeCount): DetectedTable | undefined {
  if (isOrdinaryName(shape.section)) return undefined;
  const declared = declaredSize(shape);
  const stride = entrySizeOf(shape, declared);
  const pointsIntoCode = shape.targets.some(({ kind }) => kind === 'code');
  const flags = shape.headers.map((header) => BigInt(header.flags));
  const signals: DetectedTable['signals'] = [
    ...(pointsIntoCode ? (['points into code'] as const) : []),
    ...(stride === undefined ? [] : (['regular stride'] as const)),
    ...(declared > 1 || flags.some((one) => (one & linkOrder) !== 0n) ? (['declares entries'] as const) : []),
    ...(flags.some((one) => (one & executable) !== 0n) ? (['executable'] as const) : []),
  ];
  if (signals.length === 0) return undefined;
  return {
    section: shape.section,
    signals,
    stride,
    fields: stride === undefined ? [] : fieldsOf(shape, stride),
    targets: shape.targets.toSorted((a, b) => b.count - a.count).map(({ section }) => section),
  };
}

/** sh_entsize where all files agree on one; 0 otherwise. */
function declaredSize({ headers }: SectionShapeCount): number {
  const sizes = new Set(headers.map(({ entrySize }) => entrySize));
  const [size = 0] = sizes;
  return sizes.size === 1 ? size : 0;
}

/**
 * The smallest stride at which every place that has pointers has them in nearly all entries. Where a place leads to
 * code in some entries and to data in others, several fields may fall together: the next multiple that tells them apart,
 * entirely or at least clearly.
 */
function entrySizeOf(shape: SectionShapeCount, declared: number): number | undefined {
  const strides = [...new Set(shape.places.map(({ stride }) => stride))]
    .toSorted((a, b) => a - b)
    .filter((stride) => isRegular(shape, stride));
  const [smallest] = strides;
  if (smallest === undefined) return undefined;
  if (declared > 1 && strides.includes(declared)) return declared;
  const multiples = strides.filter((stride) => stride % smallest === 0);
  return (
    multiples.find((stride) => placesOf(shape, stride).every(isPure)) ??
    multiples.find((stride) => isSeparated(placesOf(shape, stride), smallest)) ??
    smallest
  );
}

function isRegular(shape: SectionShapeCount, stride: number): boolean {
  const entries = shape.bytes / stride;
  return (
    entries >= 2 && placesOf(shape, stride).every((place) => pointersAt(place) >= smallestShare * entries)
  );
}

function isPure(place: PlaceCount): boolean {
  const all = pointersAt(place);
  return targetKinds.some((kind) => place[kind] >= pureShare * all) || place.code <= (1 - pureShare) * all;
}

/** Two places that a smaller stride takes for one differ clearly in how many of their pointers lead to code. */
function isSeparated(places: readonly PlaceCount[], smaller: number): boolean {
  return places.some((one) =>
    places.some(
      (other) =>
        one.offset % smaller === other.offset % smaller &&
        one.code / pointersAt(one) - other.code / pointersAt(other) >= clearDifference,
    ),
  );
}

function placesOf({ places }: SectionShapeCount, stride: number): readonly PlaceCount[] {
  return places.filter((place) => place.stride === stride);
}

function pointersAt(place: PlaceCount): number {
  return targetKinds.reduce((sum, kind) => sum + place[kind], 0);
}

function fieldsOf(shape: SectionShapeCount, stride: number): readonly DetectedField[] {
  const entries = shape.bytes / stride;
  return placesOf(shape, stride).map((place) => {
    const all = pointersAt(place);
    return { offset: place.offset, filled: Math.min(all / entries, 1), code: place.code / all };
  });
}
