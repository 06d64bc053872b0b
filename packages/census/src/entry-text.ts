import type { Entry, EntryLayout, Pointer } from '@kelp/core';
import type { ObjectFile, SymbolTable } from '@kelp/core/elf';

/** One field of a decoded entry, ready to be shown. */
export interface EntryFieldText {
  readonly field: string;
  /** `.text+0x40`, `_printk`, `0x1f`. Untrusted. */
  readonly value: string;
}

/** Words for the fields of an entry; padding is left out. */
export function describeEntry(
  entry: Entry<EntryLayout>,
  object: ObjectFile,
  symbols: SymbolTable | undefined,
): readonly EntryFieldText[] {
  return Object.entries(entry).flatMap(([field, value]) =>
    value === undefined ? [] : [{ field, value: describeValue(value, object, symbols) }],
  );
}

function describeValue(
  value: Pointer | Uint8Array | bigint | number,
  object: ObjectFile,
  symbols: SymbolTable | undefined,
): string {
  if (typeof value === 'number') return String(value);
  if (typeof value === 'bigint') return `0x${value.toString(16)}`;
  if (value instanceof Uint8Array) return describeBytes(value);
  const target = describePointer(value, object, symbols);
  return value.flags === 0 ? target : `${target} flags ${value.flags}`;
}

const decoder = new TextDecoder();

/** Text up to the first NUL where it is printable, else hexadecimal digits. */
function describeBytes(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  const text = end === -1 ? bytes : bytes.subarray(0, end);
  const printable = text.length > 0 && text.every((byte) => byte >= 0x20 && byte < 0x7f);
  return printable
    ? decoder.decode(text)
    : Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The section or symbol a pointer leads to; a section symbol is shown by the name of its section. */
function describePointer(
  { symbol, addend }: Pointer,
  object: ObjectFile,
  symbols: SymbolTable | undefined,
): string {
  if (symbol === 0 || symbols === undefined) return signedHex(addend);
  const section = symbols.sectionIndex(symbol);
  if (section !== undefined) {
    const name = object.sections[section]?.name ?? `[${section}]`;
    return `${name}${distance(symbols.value(symbol) + addend)}`;
  }
  return addend === 0n ? symbols.name(symbol) : `${symbols.name(symbol)}${distance(addend)}`;
}

/** `+0x40` or `-0x4`. */
function distance(value: bigint): string {
  const text = signedHex(value);
  return text.startsWith('-') ? text : `+${text}`;
}

function signedHex(value: bigint): string {
  const signed = BigInt.asIntN(64, value);
  return signed < 0n ? `-0x${(-signed).toString(16)}` : `0x${signed.toString(16)}`;
}
