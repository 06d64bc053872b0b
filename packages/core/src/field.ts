/** Byte order of a file or of a field. */
export type ByteOrder = 'little' | 'big';

/** A run of bits in a field: `width` bits of the value from bit `from` stand at bit `at` of the container. */
export interface FieldPart {
  readonly at: number;
  readonly width: number;
  readonly from: number;
}

/**
 * Where a relocation stores its value: a container of 1, 2, 4 or 8 bytes at the place, in the byte order of the
 * architecture, and which of its bits take which bits of the value. All other bits of the container are kept.
 */
export interface Field {
  /** Bytes of the container. */
  readonly size: 1 | 2 | 4 | 8;
  /** The value is shifted right (arithmetically) by this many bits before it is checked and stored. */
  readonly shift: number;
  readonly parts: readonly FieldPart[];
  /** Overrides the architecture's byte order: instructions of arm64 are little-endian always. */
  readonly byteOrder?: ByteOrder;
}

/** A container that the value fills completely. */
export function whole(size: Field['size'], shift = 0): Field {
  return { size, shift, parts: [{ at: 0, width: size * 8, from: 0 }] };
}

/** A container in which the value fills one run of bits. */
export function bits(size: Field['size'], at: number, width: number, shift = 0): Field {
  return { size, shift, parts: [{ at, width, from: 0 }] };
}

/** The bits of the container that the value replaces. */
export function fieldMask(field: Field): bigint {
  return field.parts.reduce((mask, { at, width }) => mask | (((1n << BigInt(width)) - 1n) << BigInt(at)), 0n);
}

/** Read a container of `size` bytes at `offset`. */
export function readContainer(bytes: Uint8Array, offset: number, size: number, order: ByteOrder): bigint {
  if (size <= 4) return BigInt(readNumber(bytes, offset, size, order));
  const [high, low] = order === 'big' ? [offset, offset + size - 4] : [offset + 4, offset];
  return (BigInt(readNumber(bytes, high, size - 4, order)) << 32n) | BigInt(readNumber(bytes, low, 4, order));
}

/** Write a container of `size` bytes at `offset`; bits above it are dropped. */
export function writeContainer(
  bytes: Uint8Array,
  offset: number,
  size: number,
  order: ByteOrder,
  value: bigint,
): void {
  if (size <= 4) {
    writeNumber(bytes, offset, size, order, Number(BigInt.asUintN(32, value)));
    return;
  }
  const [high, low] = order === 'big' ? [offset, offset + size - 4] : [offset + 4, offset];
  writeNumber(bytes, high, size - 4, order, Number(BigInt.asUintN(32, value >> 32n)));
  writeNumber(bytes, low, 4, order, Number(BigInt.asUintN(32, value)));
}

/** At most 4 bytes: those are exact as a number, and numbers cost less than bigints where millions are written. */
function readNumber(bytes: Uint8Array, offset: number, size: number, order: ByteOrder): number {
  let value = 0;
  for (let index = 0; index < size; index++) {
    value = value * 256 + (bytes[order === 'big' ? offset + index : offset + size - 1 - index] ?? 0);
  }
  return value;
}

function writeNumber(bytes: Uint8Array, offset: number, size: number, order: ByteOrder, value: number): void {
  for (let index = 0; index < size; index++) {
    bytes[order === 'big' ? offset + size - 1 - index : offset + index] = value >>> (index * 8);
  }
}

/** Whether the value fills its container, so that nothing of what was there is left. */
export function fillsContainer({ size, parts }: Field): boolean {
  const [part] = parts;
  return parts.length === 1 && part?.at === 0 && part.from === 0 && part.width === size * 8;
}

/** The container with the bits of a value (already shifted) put into the field. */
export function insertValue(field: Field, container: bigint, value: bigint): bigint {
  let result = container & ~fieldMask(field);
  for (const { at, width, from } of field.parts) {
    const part = (value >> BigInt(from)) & ((1n << BigInt(width)) - 1n);
    result |= part << BigInt(at);
  }
  return result;
}

/** The bits of a field put together again, as an unsigned number, before any shift is undone. */
export function extractValue(field: Field, container: bigint): bigint {
  let result = 0n;
  for (const { at, width, from } of field.parts) {
    const part = (container >> BigInt(at)) & ((1n << BigInt(width)) - 1n);
    result |= part << BigInt(from);
  }
  return result;
}
