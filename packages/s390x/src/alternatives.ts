import {
  appliesTo,
  PlacedTable,
  type Applicability,
  type Kernel,
  type ModuleImage,
  type PlacedSection,
} from '@kelp/core';
import { facility, isOn, machineFeature, nobp, relocatedLowcore, type Feature } from './features.ts';
import { BRCL_ALWAYS, concatenate, nop2, nop4, nop6, relativeLong } from './instructions.ts';
import { alternativeEntries } from './special-sections.ts';

// __apply_alternatives() in arch/s390/kernel/alternative.c.

/** What a kernel makes of an entry. */
interface Rules {
  readonly applies: readonly Applicability[];
  /** What an entry needs to be applied; undefined: it never is. */
  readonly feature: (table: PlacedTable, entry: number, kernel: Kernel) => Feature | undefined;
  /** Bytes of the replacement, and of the original if it is longer; undefined for lengths that the kernel skips. */
  readonly lengths: (table: PlacedTable, entry: number) => Lengths | undefined;
  /** The command line can turn alternatives off: `noaltinstr`. */
  readonly canBeOff?: true;
}

interface Lengths {
  readonly original: number;
  readonly replacement: number;
}

/** Where the kernel keeps its own decision about a facility in the list that alternatives look at. */
function facilityInList(table: PlacedTable, entry: number, kernel: Kernel): Feature | undefined {
  const number = Number(table.number(entry, 'facility'));
  return number === 82 ? nobp : facility(number, kernel);
}

type FeatureType = (data: number, kernel: Kernel) => Feature | undefined;

/** ctx:4, type:8, data:20. An entry without one of the two contexts is never applied. */
function featureByType(types: readonly FeatureType[]): Rules['feature'] {
  return (table, entry, kernel) => {
    const word = Number(table.number(entry, 'feature'));
    const [context, type, data] = [word >>> 28, (word >>> 20) & 0xff, word & 0xfffff];
    return (context & allContexts) === 0 ? undefined : types[type]?.(data, kernel);
  };
}

/** ALT_CTX_ALL: early and late. */
const allContexts = 3;

function oneLength(table: PlacedTable, entry: number): Lengths {
  const length = Number(table.number(entry, 'instrlen'));
  return { original: length, replacement: length };
}

function evenLength(table: PlacedTable, entry: number): Lengths | undefined {
  const lengths = oneLength(table, entry);
  return lengths.original % 2 === 0 ? lengths : undefined;
}

function twoEvenLengths(table: PlacedTable, entry: number): Lengths | undefined {
  const lengths = {
    original: Number(table.number(entry, 'instrlen')),
    replacement: Number(table.number(entry, 'replacementlen')),
  };
  return lengths.original % 2 === 0 && lengths.replacement % 2 === 0 ? lengths : undefined;
}

const rules: readonly Rules[] = [
  { applies: [{ before: '6.1' }], feature: facilityInList, lengths: twoEvenLengths, canBeOff: true },
  // One length for both: seen in 6.1, not in 5.10.
  {
    applies: [{ since: '6.1', before: '6.12' }],
    feature: facilityInList,
    lengths: evenLength,
    canBeOff: true,
  },
  {
    // ALT_TYPE_FACILITY, ALT_TYPE_SPEC, ALT_TYPE_LOWCORE: seen in 6.12, not in 6.1.
    applies: [{ since: '6.12', before: '7.2' }],
    feature: featureByType([facility, () => nobp, () => relocatedLowcore]),
    lengths: oneLength,
  },
  {
    // ALT_TYPE_FACILITY, ALT_TYPE_FEATURE, ALT_TYPE_SPEC: seen in 7.2, not in 6.12.
    applies: [{ since: '7.2' }],
    feature: featureByType([facility, machineFeature, () => nobp]),
    lengths: oneLength,
  },
];

/** Copy replacements over the originals of one `.altinstructions`, in order; later ones may overwrite earlier ones. */
export function applyAlternatives(image: ModuleImage, section: PlacedSection): undefined {
  const rule = rules.find(({ applies }) => appliesTo(applies, image.kernel));
  const layout = alternativeEntries.find(({ applies }) => appliesTo(applies, image.kernel));
  if (rule === undefined || layout === undefined) return undefined;
  if (rule.canBeOff === true && image.machine.feature('noaltinstr') === true) return undefined;
  const table = new PlacedTable(image, section, layout);
  for (let entry = 0; entry < table.count; entry++) applyOne(image, rule, table, entry);
  return undefined;
}

function applyOne(image: ModuleImage, rule: Rules, table: PlacedTable, entry: number): void {
  const lengths = rule.lengths(table, entry);
  const feature = rule.feature(table, entry, image.kernel);
  if (feature === undefined || lengths === undefined) return;
  const address = table.pointer(entry, 'instrOffset');
  const replacement = image.read(table.pointer(entry, 'replOffset'), lengths.replacement);
  if (replacement === undefined) return;
  const on = concatenate(replacement, padding(lengths.original - lengths.replacement));
  const off = image.read(address, on.length);
  if (off !== undefined && isOn(image, feature, { address, off, on }))
    image.write(address, on, 'alternative');
}

/** add_padding(): a nop, or a jump over nops; nothing where the replacement is not shorter. */
function padding(length: number): Uint8Array {
  if (length <= 0) return new Uint8Array();
  if (length <= nop6.length) return [nop2, nop4, nop6][length / 2 - 1] ?? new Uint8Array();
  const jump = relativeLong(BRCL_ALWAYS, 0n, BigInt(length));
  return concatenate(jump, ...Array.from({ length: (length - jump.length) / 2 }, () => nop2));
}
