import type { Applicability } from './kernel.ts';

/** How the bytes of an entry field are read. */
export type EntryFieldKind =
  | 'pc-relative'
  | 'entry-relative'
  | 'absolute'
  | 'unsigned'
  | 'signed'
  | 'bits'
  | 'characters'
  | 'padding';

/** One member of the C structure of a table entry. Offsets and sizes in bytes, byte order of the file. */
export interface EntryField<Kind extends EntryFieldKind = EntryFieldKind, Size extends number = number> {
  readonly kind: Kind;
  readonly offset: number;
  readonly size: Size;
  /** Pointers only: entries exist in which no relocation fills the field (a null pointer or a plain number). */
  readonly optional?: boolean;
  /** Pointers only: low bits that hold flags, not address; `3` means the two lowest. */
  readonly flags?: number;
}

export type EntryFields = Readonly<Record<string, EntryField>>;

/** The entry structure of a special section in some kernels. */
export interface EntryLayout<Fields extends EntryFields = EntryFields> {
  /** Kernels in which the layout is used; absent: all. */
  readonly applies?: readonly Applicability[];
  /** Bytes from one entry to the next. */
  readonly size: number;
  /** Bytes of the last entry where it is shorter than `size`. */
  readonly lastSize?: number;
  readonly fields: Fields;
  /** Header and structure that define the entry. */
  readonly structure: string;
}

/** Add options to a pointer field. */
type PointerOptions = Pick<EntryField, 'optional' | 'flags'>;

/** Signed 32-bit distance from the field itself. */
export function pcRelative32(offset: number, options: PointerOptions = {}): EntryField<'pc-relative', 4> {
  return { kind: 'pc-relative', offset, size: 4, ...options };
}

/** Signed 64-bit distance from the field itself. */
export function pcRelative64(offset: number, options: PointerOptions = {}): EntryField<'pc-relative', 8> {
  return { kind: 'pc-relative', offset, size: 8, ...options };
}

/** Signed 64-bit distance from the start of the entry. Its relocation is pc-relative, so the addend is `offset` too large. */
export function entryRelative64(
  offset: number,
  options: PointerOptions = {},
): EntryField<'entry-relative', 8> {
  return { kind: 'entry-relative', offset, size: 8, ...options };
}

/** 64-bit address. */
export function pointer(offset: number, options: PointerOptions = {}): EntryField<'absolute', 8> {
  return { kind: 'absolute', offset, size: 8, ...options };
}

/** 32-bit absolute value that a relocation fills. */
export function absolute32(offset: number, options: PointerOptions = {}): EntryField<'absolute', 4> {
  return { kind: 'absolute', offset, size: 4, ...options };
}

export function u8(offset: number): EntryField<'unsigned', 1> {
  return { kind: 'unsigned', offset, size: 1 };
}

export function u16(offset: number): EntryField<'unsigned', 2> {
  return { kind: 'unsigned', offset, size: 2 };
}

export function u32(offset: number): EntryField<'unsigned', 4> {
  return { kind: 'unsigned', offset, size: 4 };
}

export function u64(offset: number): EntryField<'unsigned', 8> {
  return { kind: 'unsigned', offset, size: 8 };
}

export function s8(offset: number): EntryField<'signed', 1> {
  return { kind: 'signed', offset, size: 1 };
}

export function s16(offset: number): EntryField<'signed', 2> {
  return { kind: 'signed', offset, size: 2 };
}

export function s32(offset: number): EntryField<'signed', 4> {
  return { kind: 'signed', offset, size: 4 };
}

/** C bit-fields, read as one unsigned number in the byte order of the file. */
export function bitFields<Size extends 2 | 4 | 8>(offset: number, size: Size): EntryField<'bits', Size> {
  return { kind: 'bits', offset, size };
}

/** NUL-padded text or raw bytes. */
export function characters(offset: number, size: number): EntryField<'characters'> {
  return { kind: 'characters', offset, size };
}

/** Bytes without meaning. */
export function padding(offset: number, size: number): EntryField<'padding'> {
  return { kind: 'padding', offset, size };
}

/** Whether a relocation fills the field. */
export function isPointer(field: EntryField): boolean {
  return field.kind === 'pc-relative' || field.kind === 'entry-relative' || field.kind === 'absolute';
}
