import type { LivepatchSymbolName } from '@kelp/core';
import type { LateRecord, LivepatchSymbols, LoadedImage } from '@kelp/loader';
import type { TargetLayout } from './target-layout.ts';
import type { ReadMemory } from './votes.ts';

/** An address that something of a module had when a livepatch was applied to it, and that the livepatch still holds. */
export interface FormerAddress {
  /** Of an area of the module where its file is known, otherwise of a symbol. Untrusted. */
  readonly name: string;
  readonly address: bigint;
  /** The relocations that were computed from it. */
  readonly records: readonly LateRecord[];
}

/** Where a livepatch found the symbols of modules that have been unloaded since, or loaded again somewhere else. */
export interface FormerSymbols {
  readonly addresses: readonly FormerAddress[];
  readonly symbols: LivepatchSymbols;
}

/** What is known of the modules that provide symbols. */
export interface SymbolProviders {
  /** Symbols of what is where it was. */
  readonly symbols: LivepatchSymbols;
  /** A module is where it was. */
  readonly isPresent: (object: string) => boolean;
  /** Where the others have their symbols, as far as their files are known. */
  readonly layouts: ReadonlyMap<string, TargetLayout>;
  readonly pageSize: number;
}

/** An unknown address, and the distance of a symbol from it. */
interface Origin {
  readonly name: string;
  readonly offset: bigint;
  /** What the unknown address is a multiple of. */
  readonly multipleOf: bigint;
}

/**
 * Find where symbols were when relocations were applied, from what the fields of these hold. With the file of the
 * module that is one address for each of its areas, without it one for each symbol; all relocations have to agree, and
 * what most of them say is taken. Where no field tells an address, entries of GOT, PLT and stubs may hold it.
 *
 * @param image - the module without them.
 * @returns undefined where a symbol is left whose address nothing tells.
 */
export function formerSymbols(
  object: string,
  records: readonly LateRecord[],
  image: LoadedImage,
  read: ReadMemory,
  providers: SymbolProviders,
): FormerSymbols | undefined {
  const unknowns = new Map<string, Unknown>();
  const used = new Map<string, LivepatchSymbolName>();
  for (const record of records) {
    if (record.symbol === undefined) return undefined;
    if (providers.isPresent(record.symbol.object)) continue;
    const origin = originOf(object, record.symbol, providers);
    if (origin === undefined) return undefined;
    const unknown = unknowns.get(origin.name) ?? newUnknown();
    unknowns.set(origin.name, unknown);
    unknown.records.push(record);
    unknown.origins.push(origin);
    used.set(origin.name, record.symbol);
    vote(unknown, record, origin, image, read);
  }
  const found: FormerAddress[] = [];
  for (const [name, unknown] of unknowns) {
    if (unknown.constant.size + unknown.writable.size === 0) searchWords(unknown, image, read);
    const { records: own, constant, writable } = unknown;
    const address = winner(constant, writable);
    if (address === undefined) return undefined;
    found.push({ name, address, records: own });
  }
  return { addresses: found, symbols: symbolsAt(object, found, [...used.values()], providers) };
}

/** An address that is looked for, and how many relocations speak for which. */
interface Unknown {
  readonly records: LateRecord[];
  readonly origins: Origin[];
  /** In memory that only the loader writes; in other memory something else may stand there by now. */
  readonly constant: Map<bigint, number>;
  readonly writable: Map<bigint, number>;
}

function newUnknown(): Unknown {
  return { records: [], origins: [], constant: new Map(), writable: new Map() };
}

function vote(
  unknown: Unknown,
  record: LateRecord,
  origin: Origin,
  image: LoadedImage,
  read: ReadMemory,
): void {
  const { protection } = record;
  const bytes = protection === undefined ? undefined : read(record.address, record.reach);
  const value = bytes === undefined ? undefined : record.value(bytes);
  // A branch to a stub does not tell where that leads. The target may well have come to where init memory was.
  if (value === undefined || image.protection(value) !== undefined) return;
  count(
    protection === 'text' || protection === 'rodata' ? unknown.constant : unknown.writable,
    value,
    origin,
  );
}

function count(votes: Map<bigint, number>, value: bigint, { offset, multipleOf }: Origin): void {
  const address = BigInt.asUintN(64, value - offset);
  if (address === 0n || address % multipleOf !== 0n) return;
  votes.set(address, (votes.get(address) ?? 0) + 1);
}

/** Addresses in GOT, PLT and stubs are 64 bits long, and stand at even addresses. */
const [wordSize, wordAlignment] = [8, 2];

/** Modules are near each other: all kernels have an area for them, and none is larger. */
const farthest = 1n << 40n;

/**
 * Take every word of the code that is not as it was loaded for the address of each of the symbols. Only where that
 * gives the start of a page does it count, so nothing can be told without the file of the module.
 */
function searchWords({ origins, constant }: Unknown, image: LoadedImage, read: ReadMemory): void {
  const exact = origins.filter(({ multipleOf }) => multipleOf > 1n);
  if (exact.length === 0) return;
  for (const { area, address, bytes } of image.areas) {
    const memory = area.init ? undefined : read(address, area.size);
    if (memory === undefined) continue;
    const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
    for (let at = 0; at + wordSize <= memory.length; at += wordAlignment) {
      if (!differs(memory, bytes, at) || image.protection(address + BigInt(at)) !== 'text') continue;
      const value = view.getBigUint64(at, image.byteOrder === 'little');
      if (distance(value, address) >= farthest) continue;
      for (const origin of exact) count(constant, value, origin);
    }
  }
}

function distance(a: bigint, b: bigint): bigint {
  return a > b ? a - b : b - a;
}

function differs(memory: Uint8Array, bytes: Uint8Array, start: number): boolean {
  for (let at = start; at < start + wordSize; at++) if (memory[at] !== bytes[at]) return true;
  return false;
}

/** What most say in constant memory; other memory decides where that is not clear. */
function winner(
  constant: ReadonlyMap<bigint, number>,
  writable: ReadonlyMap<bigint, number>,
): bigint | undefined {
  const weight = (address: bigint, votes: ReadonlyMap<bigint, number>): number => votes.get(address) ?? 0;
  const [first] = [...constant.keys(), ...writable.keys()].toSorted(
    (a, b) => weight(b, constant) - weight(a, constant) || weight(b, writable) - weight(a, writable),
  );
  return first;
}

function originOf(
  object: string,
  symbol: LivepatchSymbolName,
  { layouts, pageSize }: SymbolProviders,
): Origin | undefined {
  const layout = layouts.get(symbol.object);
  if (layout === undefined) return { name: symbolTitle(object, symbol), offset: 0n, multipleOf: 1n };
  const place = layout(symbol.name)[Math.max(0, Number(symbol.position) - 1)];
  if (place === undefined) return undefined;
  const name = areaTitle(object, symbol.object, place.area);
  return { name, offset: place.offset, multipleOf: BigInt(pageSize) };
}

/** The symbols of objects as they were; the address of what no relocation uses is 0, which counts as not found. */
function symbolsAt(
  target: string,
  found: readonly FormerAddress[],
  used: readonly LivepatchSymbolName[],
  { isPresent, symbols, layouts }: SymbolProviders,
): LivepatchSymbols {
  const addresses = new Map(found.map(({ name, address }) => [name, address]));
  return (object, name) => {
    if (isPresent(object)) return symbols(object, name);
    const layout = layouts.get(object);
    if (layout !== undefined)
      return layout(name).map(({ area, offset }) => {
        const start = addresses.get(areaTitle(target, object, area));
        return start === undefined ? 0n : BigInt.asUintN(64, start + offset);
      });
    const named = used.filter((one) => one.object === object && one.name === name);
    const matches: bigint[] = [];
    for (const symbol of named) {
      const index = Math.max(0, Number(symbol.position) - 1);
      while (matches.length <= index) matches.push(0n);
      matches[index] = addresses.get(symbolTitle(target, symbol)) ?? 0n;
    }
    return matches;
  };
}

function areaTitle(target: string, object: string, area: string): string {
  return object === target ? area : `${object} ${area}`;
}

function symbolTitle(target: string, { object, name, position }: LivepatchSymbolName): string {
  const positioned = position > 0n ? `${name},${position}` : name;
  return object === target ? positioned : `${object} ${positioned}`;
}
