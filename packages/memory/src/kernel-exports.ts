import { imageParts } from './kernel-image.ts';
import type { KernelReader, KernelView } from './kernel-reader.ts';
import type { KernelSymbols } from './kernel-symbols.ts';

/** One entry of `__ksymtab`: struct kernel_symbol of include/linux/export-internal.h. */
interface ExportFormat {
  readonly size: number;
  /** Alignment of an entry. */
  readonly alignment: number;
  /** Address that a field refers to; `address` is the field's own. */
  readonly pointer: (view: KernelView, offset: number, address: bigint) => bigint;
  readonly nameOffset: number;
}

/** With CONFIG_HAVE_ARCH_PREL32_RELOCATIONS (x86, arm64) every field is relative to its own place. */
const relative: ExportFormat = {
  size: 12,
  alignment: 4,
  nameOffset: 4,
  // Per-CPU symbols have small addresses, beyond the end of the 64 bits.
  pointer: (view, offset, address) => BigInt.asUintN(64, address + BigInt(view.s32(offset))),
};

const absolute: ExportFormat = {
  size: 24,
  alignment: 8,
  nameOffset: 8,
  pointer: (view, offset) => view.u64(offset),
};

/** Functions that every kernel exports: by one of them a table without symbols is found. */
const landmarks = ['kfree', 'schedule', '_printk', 'printk', 'strcmp'];

/** More exports than any kernel has, for each direction of a search. */
const mostExports = 2 ** 17;

const longestName = 512;

/**
 * What a kernel image exports to modules, GPL-only symbols included: the tables `__ksymtab` and `__ksymtab_gpl`, which
 * lie one behind the other. Where kallsyms lacks their symbols, the entry of a well-known function is searched in the
 * image and the tables around it are followed as far as entries are in order.
 *
 * @returns undefined if they are not found.
 */
export function findExports(
  reader: KernelReader,
  symbols: KernelSymbols,
): ReadonlyMap<string, bigint> | undefined {
  const start = symbols.address('__start___ksymtab');
  const landmark = start === undefined ? searchLandmark(reader, symbols) : landmarkIn(reader, symbols, start);
  if (landmark === undefined) return undefined;
  const { format, address } = landmark;
  const entries = [
    ...neighbors(reader, format, address, -1).toReversed(),
    ...neighbors(reader, format, address, 1).slice(1),
  ];
  return new Map(entries.map(({ name, value }) => [name, value]));
}

interface Landmark {
  readonly format: ExportFormat;
  /** Of an entry. */
  readonly address: bigint;
}

interface Export {
  readonly name: string;
  readonly value: bigint;
}

/** The format that gives the first entry of a table a symbol's name and the address of this symbol. */
function landmarkIn(reader: KernelReader, symbols: KernelSymbols, address: bigint): Landmark | undefined {
  const format = [relative, absolute].find((one) => {
    const first = entryAt(reader, one, address);
    return (
      first !== undefined &&
      symbols.namedIn(first.name, undefined).some((symbol) => symbol.address === first.value)
    );
  });
  return format === undefined ? undefined : { format, address };
}

function searchLandmark(reader: KernelReader, symbols: KernelSymbols): Landmark | undefined {
  const start = symbols.address('_stext');
  const known = landmarks.flatMap((name) => {
    const [symbol, ...others] = symbols.namedIn(name, undefined);
    return symbol === undefined || others.length > 0 ? [] : [{ name, address: symbol.address }];
  });
  if (start === undefined || known.length === 0) return undefined;
  for (const { address, view } of imageParts(reader, start, absolute.size)) {
    for (const { name, address: value } of known) {
      for (const format of [relative, absolute]) {
        const found = searchPart(reader, format, address, view, { name, value });
        if (found !== undefined) return { format, address: found };
      }
    }
  }
  return undefined;
}

function searchPart(
  reader: KernelReader,
  format: ExportFormat,
  address: bigint,
  view: KernelView,
  wanted: Export,
): bigint | undefined {
  const misaligned = Number(address % BigInt(format.alignment));
  const first = misaligned === 0 ? 0 : format.alignment - misaligned;
  // As 32-bit numbers: the field of the entry at the start, and how it changes from place to place.
  const [low, step] =
    format === relative
      ? [Number(BigInt.asIntN(32, wanted.value - address)), 1]
      : [Number(wanted.value & 0xffff_ffffn), 0];
  const field = format === relative || reader.byteOrder === 'little' ? 0 : 4;
  for (let offset = first; offset + format.size <= view.length; offset += format.alignment) {
    if ((view.u32(offset + field) ^ (low - offset * step)) !== 0) continue;
    const found = entryAt(reader, format, address + BigInt(offset));
    if (found?.name === wanted.name && found.value === wanted.value) return address + BigInt(offset);
  }
  return undefined;
}

/** The entries from one on, upwards or downwards, as long as names are in order; two tables may follow each other. */
function neighbors(reader: KernelReader, format: ExportFormat, start: bigint, direction: 1 | -1): Export[] {
  const found: Export[] = [];
  let changes = 0;
  for (let address = start; found.length < mostExports; address += BigInt(direction * format.size)) {
    const entry = entryAt(reader, format, address);
    const before = found.at(-1);
    if (entry === undefined) break;
    if (before !== undefined && isBefore(entry.name, before.name) === (direction === 1)) {
      changes++;
      if (changes > 1) break;
    }
    found.push(entry);
  }
  return found;
}

function isBefore(a: string, b: string): boolean {
  return a < b;
}

function entryAt(reader: KernelReader, format: ExportFormat, address: bigint): Export | undefined {
  const view = reader.tryView(address, format.size);
  if (view === undefined) return undefined;
  const value = format.pointer(view, 0, address);
  const nameAddress = format.pointer(view, format.nameOffset, address + BigInt(format.nameOffset));
  if (nameAddress <= 0n || nameAddress >= 1n << 64n) return undefined;
  const name = reader.tryString(nameAddress, longestName);
  return name !== undefined && /^[A-Za-z_.$][\w.$]*$/u.test(name) ? { name, value } : undefined;
}
