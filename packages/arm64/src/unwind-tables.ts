import { readContainer } from '@kelp/core';

/** How a kernel reads the headers (CIE) of unwind tables. */
export interface FrameRules {
  /**
   * `ignored`: what a header says is forgotten before the next frame, so that locations advance in bytes and every frame
   * has augmentation data. `required`: it must have the augmentation "zR", and its code alignment and format of pointers
   * hold for the frames behind it.
   */
  readonly headers: 'ignored' | 'required';
}

/** Where return addresses are signed or checked. */
export interface SignedPlaces {
  /** Address of the instruction before each DW_CFA_negate_ra_state. */
  readonly places: readonly bigint[];
  /** A frame could not be read; the frames from it on are left out. */
  readonly damaged: boolean;
}

/** What a header says about the frames behind it. */
interface FrameFormat {
  /** Bytes by which a step advances. */
  readonly factor: number;
  /** Start and length of a frame's code have 8 bytes each, not 4. */
  readonly wide: boolean;
}

/**
 * scs_patch(), without its patching: a reader of just so much of DWARF call frame information as the kernel understands.
 *
 * @param bytes - a relocated `.eh_frame`.
 * @param address - where it stands.
 */
export function signedPlaces(bytes: Uint8Array, address: bigint, { headers }: FrameRules): SignedPlaces {
  const places: bigint[] = [];
  let format: FrameFormat = { factor: 1, wide: false };
  for (let at = 0; bytes.length - at > 4;) {
    const length = number(bytes, at, 4);
    if (length === 0 || length === 0xffff_ffff || length > bytes.length - at) break;
    if (number(bytes, at + 4, 4) !== 0) {
      const found = placesOfFrame(bytes, at, address, format);
      if (found === undefined) return { places, damaged: true };
      places.push(...found);
    } else if (headers === 'required') {
      const read = readHeader(bytes, at);
      if (read === undefined) return { places, damaged: true };
      format = read;
    }
    at += 4 + length;
  }
  return { places, damaged: false };
}

/** The augmentation "zR" with its NUL. */
const augmentation = [0x7a, 0x52, 0];
/** DW_EH_PE_pcrel with DW_EH_PE_sdata4 or DW_EH_PE_sdata8. */
const [pcRelative4, pcRelative8] = [0x1b, 0x1c];
/** X30, the link register. */
const linkRegister = 30;

function readHeader(bytes: Uint8Array, start: number): FrameFormat | undefined {
  const byte = (offset: number): number => bytes[start + offset] ?? 0;
  const [factor, dataFactor, returnAddress, size, pointers] = [12, 13, 14, 15, 16].map(byte);
  if (factor === undefined || dataFactor === undefined) return undefined;
  if (augmentation.some((letter, index) => byte(9 + index) !== letter)) return undefined;
  if (factor >= 0x80 || dataFactor >= 0x80 || returnAddress !== linkRegister || size !== 1) return undefined;
  if (pointers !== pcRelative4 && pointers !== pcRelative8) return undefined;
  return { factor, wide: pointers === pcRelative8 };
}

/** scs_handle_fde_frame(): undefined where an operation is not known. */
function placesOfFrame(
  bytes: Uint8Array,
  start: number,
  address: bigint,
  format: FrameFormat,
): readonly bigint[] | undefined {
  const width = format.wide ? 8 : 4;
  const first = start + 8;
  const distance = BigInt.asIntN(width * 8, readContainer(bytes, first, width, 'little'));
  const cursor = { at: first + 2 * width, left: number(bytes, start, 4) - 4 - 2 * width };
  const augmented = takeByte(bytes, cursor);
  if (augmented >= 0x80) return undefined;
  cursor.at += augmented;
  cursor.left -= augmented;
  const places: bigint[] = [];
  let location = address + BigInt(first) + distance;
  while (cursor.left > 0) {
    const operation = takeByte(bytes, cursor);
    const operands = operandsOf(operation);
    if (operands === undefined) return undefined;
    location += BigInt(advance(bytes, cursor, operation) * format.factor);
    for (let operand = 0; operand < operands; operand++) skipLeb128(bytes, cursor);
    if (operation === negateReturnAddressState) places.push(location - 4n);
  }
  return places;
}

/** Where the reader is, and how many bytes of the frame are left. */
interface Cursor {
  at: number;
  left: number;
}

/** DW_CFA_negate_ra_state, also DW_CFA_AARCH64_negate_ra_state. */
const negateReturnAddressState = 0x2d;

/** DW_CFA_advance_loc1, _loc2 and _loc4: bytes of their operand. */
const advances: ReadonlyMap<number, number> = new Map([
  [0x02, 1],
  [0x03, 2],
  [0x04, 4],
]);

/** Operations with operands in LEB128, and how many. */
const encodedOperands: ReadonlyMap<number, number> = new Map([
  // DW_CFA_offset_extended, DW_CFA_def_cfa
  [0x05, 2],
  [0x0c, 2],
  // DW_CFA_restore_extended, DW_CFA_same_value
  [0x06, 1],
  [0x08, 1],
  // DW_CFA_def_cfa_register, DW_CFA_def_cfa_offset, DW_CFA_def_cfa_offset_sf
  [0x0d, 1],
  [0x0e, 1],
  [0x13, 1],
]);

/** DW_CFA_nop, DW_CFA_remember_state, DW_CFA_restore_state, DW_CFA_negate_ra_state. */
const plainOperations: ReadonlySet<number> = new Set([0x00, 0x0a, 0x0b, negateReturnAddressState]);

/** How many operands in LEB128 an operation has; undefined for one that the kernel does not know. */
function operandsOf(operation: number): number | undefined {
  // DW_CFA_advance_loc, DW_CFA_offset and DW_CFA_restore hold an operand in their lower six bits.
  if (operation >= 0x40) return operation >= 0x80 && operation < 0xc0 ? 1 : 0;
  return plainOperations.has(operation) || advances.has(operation) ? 0 : encodedOperands.get(operation);
}

/** Steps by which an operation advances the location. */
function advance(bytes: Uint8Array, cursor: Cursor, operation: number): number {
  if (operation >= 0x40 && operation < 0x80) return operation & 0x3f;
  const size = advances.get(operation) ?? 0;
  const steps = number(bytes, cursor.at, size);
  cursor.at += size;
  cursor.left -= size;
  return steps;
}

function takeByte(bytes: Uint8Array, cursor: Cursor): number {
  cursor.left--;
  return bytes[cursor.at++] ?? 0;
}

/** skip_xleb128() */
function skipLeb128(bytes: Uint8Array, cursor: Cursor): void {
  while (takeByte(bytes, cursor) >= 0x80);
}

function number(bytes: Uint8Array, offset: number, size: number): number {
  return Number(readContainer(bytes, offset, size, 'little'));
}
