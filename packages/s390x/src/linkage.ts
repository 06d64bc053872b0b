import type {
  Kernel,
  Linkage,
  LinkageSlot,
  LinkagePlan,
  LinkedRelocation,
  Linker,
  LinkResult,
  LoaderStateChange,
  Machine,
  ModuleImage,
} from '@kelp/core';
import { SHT_RELA, type ObjectFile } from '@kelp/core/elf';
import { described, expoline } from './features.ts';
import { doubleword, readDoubleword } from './instructions.ts';
import { entrySize, writeEntry } from './plt.ts';

/** Types that use a GOT slot: GOT12 to GOTPLTENT. */
export const slotTypes: readonly number[] = [6, 7, 15, 24, 26, 29, 30, 31, 32, 33, 58, 59];

/** Types that use a PLT entry: PLT32 to PLTOFF64. The first two leave it out where the target is in reach. */
const [PLT16DBL, PLT32DBL] = [18, 20] as const;
export const entryTypes: readonly number[] = [8, PLT16DBL, PLT32DBL, 25, 34, 35, 36];

const slotSize = 8;
const usesSlot = new Set(slotTypes);
const usesEntry = new Set(entryTypes);

/** GOT and PLT of a module: what stands where, in bytes from the start of the memory that holds its text. */
interface Tables {
  /** GOT slot of a symbol, by its index. */
  readonly slots: ReadonlyMap<number, number>;
  /** PLT entry of a symbol, by its index. */
  readonly entries: ReadonlyMap<number, number>;
  /** The expoline thunk, which ends the PLT where there is one. */
  readonly thunk: number;
}

/**
 * module_frob_arch_sections(): one slot and one entry for each index of the symbol table that any relocation of the
 * file needs them for, in the order in which relocations are met, those of sections that are not loaded included.
 */
function layOutTables(object: ObjectFile): Tables {
  const slots = new Map<number, number>();
  const entryNumbers = new Map<number, number>();
  for (const section of object.sections) {
    const records = section.type === SHT_RELA ? object.relocations(section) : undefined;
    for (let index = 0; index < (records?.count ?? 0); index++) {
      const type = records?.type(index) ?? 0;
      const symbol = records?.symbol(index) ?? 0;
      if (usesSlot.has(type)) {
        if (!slots.has(symbol)) slots.set(symbol, slots.size * slotSize);
      } else if (usesEntry.has(type) && !entryNumbers.has(symbol)) {
        entryNumbers.set(symbol, entryNumbers.size);
      }
    }
  }
  const plt = slots.size * slotSize;
  const entries = new Map([...entryNumbers].map(([symbol, number]) => [symbol, plt + number * entrySize]));
  return { slots, entries, thunk: plt + entries.size * entrySize };
}

const laidOut = new WeakMap<ObjectFile, Tables>();

function tablesOf(object: ObjectFile): Tables {
  const known = laidOut.get(object);
  if (known !== undefined) return known;
  const tables = layOutTables(object);
  laidOut.set(object, tables);
  return tables;
}

/** Where the expoline thunk of a module's PLT is, and its first entry; undefined for a module without PLT. */
export function pltOf(image: ModuleImage): { readonly first: bigint; readonly thunk: bigint } | undefined {
  const { slots, entries, thunk } = tablesOf(image.object);
  if (entries.size === 0) return undefined;
  return {
    first: image.textAddress + BigInt(slots.size * slotSize),
    thunk: image.textAddress + BigInt(thunk),
  };
}

function plan(object: ObjectFile, _kernel: Kernel, machine: Machine): LinkagePlan {
  const { entries, thunk } = tablesOf(object);
  const withThunk = entries.size > 0 && described(machine, expoline) === true;
  return {
    sections: new Map(),
    textPrefix: withThunk ? thunk + entrySize : thunk,
    order: new Map(),
    link: (image) => link(image, tablesOf(object)),
  };
}

/** Slots and entries of the symbols that some relocations name. */
function usedOffsets(
  { slots, entries }: Tables,
  relocations: Iterable<LinkedRelocation>,
): ReadonlySet<number> {
  const used = new Set<number>();
  for (const { type, symbol } of relocations) {
    const offset = usesSlot.has(type)
      ? slots.get(symbol)
      : usesEntry.has(type)
        ? entries.get(symbol)
        : undefined;
    if (offset !== undefined) used.add(offset);
  }
  return used;
}

type LinkLetters = Readonly<Record<string, bigint>>;

function link(image: ModuleImage, tables: Tables): Linker {
  const { slots, entries, thunk } = tables;
  const G = image.textAddress;
  const initialized = new Set<number>();
  const neither: LinkResult = { kind: 'letters', letters: { G } };

  /** Slots and entries are written once, by the first relocation that uses them. */
  const once = (offset: number, action: (address: bigint) => void): void => {
    if (initialized.has(offset)) return;
    initialized.add(offset);
    action(G + BigInt(offset));
  };
  const slot = (offset: number, { S }: LinkedRelocation): LinkLetters => {
    once(offset, (address) => image.write(address, doubleword(S), 'got'));
    return { G, O: BigInt(offset) };
  };
  const entry = (offset: number, relocation: LinkedRelocation): LinkLetters => {
    once(offset, (address) => writeEntry(image, address, relocation.S, G + BigInt(thunk)));
    const L = G + BigInt(offset);
    return { G, L, D: inReach(relocation) ? relocation.S : L };
  };
  /** Of the initialized ones, with the index of the symbol. */
  const unusedOf = (
    offsets: ReadonlyMap<number, number>,
    used: ReadonlySet<number>,
  ): readonly (readonly [symbol: number, offset: number])[] =>
    [...offsets].filter(([, offset]) => initialized.has(offset) && !used.has(offset));
  return {
    unused(inUse) {
      const used = usedOffsets(tables, inUse);
      const describe = (kind: 'got' | 'plt', offset: number): LinkageSlot => {
        const address = G + BigInt(offset);
        const [size, at] = kind === 'got' ? [slotSize, 0] : [entrySize, entrySize - slotSize];
        return { kind, address, size, target: readDoubleword(image, address + BigInt(at)) };
      };
      return [
        ...unusedOf(slots, used).map(([, offset]) => describe('got', offset)),
        ...unusedOf(entries, used).map(([, offset]) => describe('plt', offset)),
      ];
    },
    release(inUse) {
      const used = usedOffsets(tables, inUse);
      const forget = (
        name: string,
        offsets: ReadonlyMap<number, number>,
        size: number,
      ): LoaderStateChange[] =>
        unusedOf(offsets, used).map(([symbol, offset]) => {
          initialized.delete(offset);
          image.write(G + BigInt(offset), new Uint8Array(size), 'livepatch-clear');
          return { name: `${name}[${symbol}]`, old: 1, new: 0 };
        });
      return [
        ...forget('got_initialized', slots, slotSize),
        ...forget('plt_initialized', entries, entrySize),
      ];
    },
    letters(relocation) {
      const { type, symbol } = relocation;
      const slotOffset = usesSlot.has(type) ? slots.get(symbol) : undefined;
      if (slotOffset !== undefined) return { kind: 'letters', letters: slot(slotOffset, relocation) };
      const entryOffset = usesEntry.has(type) ? entries.get(symbol) : undefined;
      return entryOffset === undefined
        ? neither
        : { kind: 'letters', letters: entry(entryOffset, relocation) };
    },
  };
}

/** Whether a branch goes to its symbol directly. The addend does not matter; the sum is unsigned. */
function inReach({ type, S, P }: LinkedRelocation): boolean {
  if (type === PLT16DBL) return BigInt.asUintN(64, S - P + 0xffffn) < 0x1ffffen;
  return type === PLT32DBL && BigInt.asUintN(64, S - P + 0xffffffffn) < 0x1fffffffen;
}

/**
 * The GOT and the PLT that the loader puts in front of the module's text. module_frob_arch_sections() sizes them by the
 * relocations of the whole file, one slot and one entry at most for each index of the symbol table. No section of the
 * file is needed for them.
 */
export const linkage: Linkage = {
  letters: {
    G: { meaning: 'start of the GOT, which is the start of the memory that holds the module text' },
    O: { meaning: 'distance from G to the GOT slot of the symbol; a slot is 8 bytes and holds S' },
    L: {
      meaning: 'PLT entry of the symbol; the entries stand behind the GOT, each is 22 bytes and jumps to S',
    },
    D: {
      meaning:
        'destination of a branch: S in reach, else the PLT entry. The loader looks at S - P without the addend: ' +
        'in reach is -0xffffffff to 0xfffffffe for 32 bits, and for 16 bits -0xffff to 0x1efffe',
      direct: 'S',
    },
  },
  // module_frob_arch_sections() makes it absolute; the relocations that name it do not look at its value.
  symbolRule: (name) => (name === '_GLOBAL_OFFSET_TABLE_' ? { kind: 'keep' } : undefined),
  plan,
};
