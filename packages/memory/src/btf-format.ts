import { KelpError, type ByteOrder } from '@kelp/core';
import { KernelView } from './kernel-reader.ts';
import { hex } from './memory-source.ts';

/** BTF_KIND_* of include/uapi/linux/btf.h: those whose content is looked at. */
export const btfKind = {
  array: 3,
  struct: 4,
  union: 5,
  enum: 6,
  typedef: 8,
  volatile: 9,
  const: 10,
  restrict: 11,
  typeTag: 18,
} as const;

/** struct btf_type: name, info, size or type. */
export const btfTypeSize = 12;

/** The parts of BTF data. */
export interface BtfParts {
  readonly types: KernelView;
  readonly strings: KernelView;
  /** Offset of each type in `types`, by number; number 0 is void, which has none. */
  readonly places: readonly number[];
}

const magic = 0xeb9f;

/** struct btf_header up to 7.1; 7.2 appends where the layout section is. */
const headerSize = 24;
const headerSizeWithLayout = 32;

/** More types than any kernel has (BTF_MAX_TYPE). */
const mostTypes = 2 ** 20;

/** Bytes behind the 12 of every type: a fixed number, and a number for each of its vlen elements. By kind. */
const kindSizes: readonly KindSize[] = [
  [0, 0], // unknown
  [4, 0], // int
  [0, 0], // pointer
  [12, 0], // array
  [0, 12], // struct
  [0, 12], // union
  [0, 8], // enum
  [0, 0], // forward
  [0, 0], // typedef
  [0, 0], // volatile
  [0, 0], // const
  [0, 0], // restrict
  [0, 0], // function
  [0, 8], // function prototype
  [4, 0], // variable
  [0, 12], // data section
  [0, 0], // float
  [4, 0], // declaration tag
  [0, 0], // type tag
  [0, 12], // 64-bit enum
];

type KindSize = readonly [fixed: number, element: number];

// The upper bits of both are used since 7.2; before, they were zero.

/** BTF_INFO_KIND. */
export function btfKindOf(info: number): number {
  return (info >>> 24) & 0x7f;
}

/** BTF_INFO_VLEN: how many members, enumerators or parameters follow. */
export function btfLengthOf(info: number): number {
  return info & 0xff_ffff;
}

/** How long BTF data is by its header, or undefined if no header is there. `bytes` are at least its first 24. */
export function btfSize(bytes: Uint8Array, byteOrder: ByteOrder): number | undefined {
  if (bytes.length < headerSize) return undefined;
  const header = new KernelView(bytes, byteOrder);
  const length = header.u32(4);
  const isHeader = header.u16(0) === magic && header.u8(2) === 1 && header.u8(3) === 0;
  if (!isHeader || length < headerSize || length > 4096) return undefined;
  const ends = [header.u32(8) + header.u32(12), header.u32(16) + header.u32(20)];
  if (length >= headerSizeWithLayout && bytes.length >= headerSizeWithLayout)
    ends.push(header.u32(24) + header.u32(28));
  return length + Math.max(...ends);
}

/**
 * Take BTF data apart and find where each of its types begins.
 *
 * @throws KelpError `memory/damaged-btf` if it is none, ends early, or has a kind of type of unknown size.
 */
export function takeApartBtf(bytes: Uint8Array, byteOrder: ByteOrder, file: string | undefined): BtfParts {
  const size = btfSize(bytes, byteOrder);
  if (size === undefined) throw damaged('no BTF header', file);
  if (size > bytes.length) throw damaged(`${size} bytes by its header, ${bytes.length} there`, file);
  const header = new KernelView(bytes, byteOrder);
  const headerLength = header.u32(4);
  const part = (field: number): KernelView => {
    const start = headerLength + header.u32(field);
    return new KernelView(bytes.subarray(start, start + header.u32(field + 4)), byteOrder);
  };
  const layout = headerLength >= headerSizeWithLayout ? part(24) : undefined;
  const types = part(8);
  return { types, strings: part(16), places: typePlaces(types, layout, file) };
}

function typePlaces(types: KernelView, layout: KernelView | undefined, file: string | undefined): number[] {
  const places = [0];
  for (let place = 0; place < types.length;) {
    if (place + btfTypeSize > types.length || places.length > mostTypes)
      throw damaged(`type ${places.length} does not end`, file);
    const info = types.u32(place + 4);
    const kind = btfKindOf(info);
    const sizes = kindSizes[kind] ?? layoutSize(layout, kind);
    if (sizes === undefined || kind === 0)
      throw damaged(`type ${places.length} at ${hex(place)} has kind ${kind}`, file);
    places.push(place);
    place += btfTypeSize + sizes[0] + sizes[1] * btfLengthOf(info);
    if (place > types.length) throw damaged(`type ${places.length - 1} does not end`, file);
  }
  return places;
}

/** struct btf_layout: a kernel from 7.2 on says itself how large the kinds are, also those made later. */
function layoutSize(layout: KernelView | undefined, kind: number): KindSize | undefined {
  const place = kind * 4;
  return layout === undefined || place + 4 > layout.length
    ? undefined
    : [layout.u8(place), layout.u8(place + 1)];
}

function damaged(found: string, file: string | undefined): KelpError {
  return new KelpError('memory/damaged-btf', `damaged BTF: ${found}`, { file });
}
