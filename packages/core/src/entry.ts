import { readContainer, type ByteOrder } from './field.ts';
import { isPointer, type EntryField, type EntryFields, type EntryLayout } from './entry-layout.ts';

/** What a pointer field refers to. In a relocatable object its relocation says so, not its bytes. */
export interface Pointer {
  /** Index into the symbol table; 0 where no relocation fills the field. */
  readonly symbol: number;
  /** Distance from the symbol to the target, without flag bits and without the field's own offset. */
  readonly addend: bigint;
  /** Flag bits in the low end of the pointer; 0 where the field has none. */
  readonly flags: number;
}

type FieldValue<Field> = Field extends { readonly kind: 'pc-relative' | 'entry-relative' | 'absolute' }
  ? Pointer
  : Field extends { readonly kind: 'unsigned' | 'signed' | 'bits'; readonly size: 8 }
    ? bigint
    : Field extends { readonly kind: 'unsigned' | 'signed' | 'bits' }
      ? number
      : Field extends { readonly kind: 'characters' }
        ? Uint8Array
        : undefined;

/** One entry: a value for each field of the layout. */
export type Entry<Layout extends EntryLayout> = {
  readonly [Name in keyof Layout['fields']]: FieldValue<Layout['fields'][Name]>;
};

/** The bytes of a special section and the relocations that fill them. */
export interface EntrySource {
  readonly bytes: Uint8Array;
  readonly byteOrder: ByteOrder;
  /** The file is linked: its bytes hold the values, and it has no relocations to ask for. */
  readonly linked?: boolean;
  /** The relocation whose r_offset is exactly this offset, or undefined. */
  relocationAt(offset: number): { readonly symbol: number; readonly addend: bigint } | undefined;
}

/** Number of entries of a section of `size` bytes; undefined where the size does not fit the layout. */
export function countEntries(
  layout: Pick<EntryLayout, 'size' | 'lastSize'>,
  size: number,
): number | undefined {
  const rest = size % layout.size;
  if (rest === 0) return size / layout.size;
  return rest === layout.lastSize ? (size - rest) / layout.size + 1 : undefined;
}

/**
 * Decode the entries of a special section, in file order.
 *
 * Bytes after the last whole entry are not read; {@link countEntries} tells whether there are any.
 */
export function* decodeEntries<Fields extends EntryFields>(
  layout: EntryLayout<Fields>,
  source: EntrySource,
): Generator<Entry<EntryLayout<Fields>>, void, undefined> {
  const lastSize = layout.lastSize ?? layout.size;
  for (let start = 0; start + lastSize <= source.bytes.length; start += layout.size) {
    yield decodeEntry(layout.fields, source, start);
  }
}

function decodeEntry<Fields extends EntryFields>(
  fields: Fields,
  source: EntrySource,
  start: number,
): Entry<EntryLayout<Fields>> {
  const values = Object.entries(fields).map(
    ([name, field]) => [name, decodeField(field, source, start)] as const,
  );
  // The mapped type follows the fields one by one, which fromEntries cannot express.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Object.fromEntries(values) as Entry<EntryLayout<Fields>>;
}

function decodeField(
  field: EntryField,
  source: EntrySource,
  start: number,
): Pointer | Uint8Array | bigint | number | undefined {
  if (field.kind === 'padding') return undefined;
  const at = start + field.offset;
  if (field.kind === 'characters') return source.bytes.subarray(at, at + field.size);
  if (isPointer(field)) return decodePointer(field, source, at);
  const raw = readContainer(source.bytes, at, field.size, source.byteOrder);
  const value = field.kind === 'signed' ? BigInt.asIntN(field.size * 8, raw) : raw;
  return field.size === 8 ? value : Number(value);
}

function decodePointer(field: EntryField, source: EntrySource, at: number): Pointer {
  const relocation = source.relocationAt(at);
  const mask = BigInt(field.flags ?? 0);
  const filled =
    relocation?.addend ??
    BigInt.asIntN(field.size * 8, readContainer(source.bytes, at, field.size, source.byteOrder));
  const addend =
    field.kind === 'entry-relative' && relocation !== undefined ? filled - BigInt(field.offset) : filled;
  return { symbol: relocation?.symbol ?? 0, addend: addend & ~mask, flags: Number(addend & mask) };
}
