import type { TestLevel, TestPageTables } from './page-table-builder.ts';

const withAttributes =
  (attributes: bigint) =>
  (address: bigint): bigint =>
    address | attributes;

/** Intel SDM volume 3: present, writable, accessed, dirty; PS for large pages; no execution. */
function x86(levels: 4 | 5): TestPageTables {
  const common = { bits: 9, table: withAttributes(0x67n), leaf: undefined, empty: 0n };
  const large = withAttributes(0x8000_0000_0000_10e3n);
  const four: readonly TestLevel[] = [
    { ...common, shift: 39 },
    { ...common, shift: 30, leaf: large },
    { ...common, shift: 21, leaf: large },
    { ...common, shift: 12, leaf: withAttributes(0x8000_0000_0000_0063n) },
  ];
  return { byteOrder: 'little', levels: levels === 4 ? four : [{ ...common, shift: 48 }, ...four] };
}

/** Arm ARM, VMSAv8-64 descriptors: attributes in the low and high bits that are no address. */
function arm64(pageShift: number, addressBits: number, high: (address: bigint) => bigint): TestPageTables {
  const bitsPerLevel = pageShift - 3;
  const shifts: number[] = [];
  for (let shift = pageShift; shift < addressBits; shift += bitsPerLevel) shifts.unshift(shift);
  const levels = shifts.map((shift, depth): TestLevel => {
    const isLast = depth === shifts.length - 1;
    const isBlock = depth === shifts.length - 2 || (depth === shifts.length - 3 && pageShift === 12);
    return {
      shift,
      bits: Math.min(bitsPerLevel, addressBits - shift),
      table: (address) => high(address) | 3n,
      leaf:
        isLast || isBlock
          ? (address) => high(address) | 0x0068_0000_0000_0400n | (isLast ? 3n : 1n)
          : undefined,
      empty: 0n,
    };
  });
  return { byteOrder: 'little', levels };
}

/** z/Architecture: table type and length in region entries, an invalid bit in each. */
function s390x(type: 0 | 1 | 2 | 3): TestPageTables {
  const all: readonly TestLevel[] = [
    { shift: 53, bits: 11, table: withAttributes(0xfn), leaf: undefined, empty: 0x2cn },
    { shift: 42, bits: 11, table: withAttributes(0xbn), leaf: undefined, empty: 0x28n },
    { shift: 31, bits: 11, table: withAttributes(0x7n), leaf: withAttributes(0x404n), empty: 0x24n },
    { shift: 20, bits: 11, table: withAttributes(0n), leaf: withAttributes(0x400n), empty: 0x20n },
    { shift: 12, bits: 8, table: withAttributes(0n), leaf: withAttributes(0x200n), empty: 0x400n },
  ];
  return { byteOrder: 'big', levels: all.slice(3 - type) };
}

/** Power ISA book III, radix trees; the hash MMU's Linux tables have no size of the next level. */
function ppc64le(
  pageShift: number,
  bits: readonly [number, number, number, number],
  isRadix: boolean,
): TestPageTables {
  const shifts = bits.map((_, depth) => pageShift + bits.slice(depth + 1).reduce((sum, one) => sum + one, 0));
  // Where the hash MMU's entries are, in bits that radix has for addresses.
  const software = isRadix ? 0n : 0x00e0_0000_0000_0000n;
  const levels = bits.map((own, depth): TestLevel => {
    const next = BigInt(bits[depth + 1] ?? 0);
    return {
      shift: shifts[depth] ?? 0,
      bits: own,
      table: (address) => (1n << 63n) | address | (isRadix ? next : 0n),
      leaf: depth === 0 ? undefined : (address) => (3n << 62n) | address | software | 0x18en,
      empty: 0n,
    };
  });
  return { byteOrder: 'big', levels };
}

const inPlace = (address: bigint): bigint => address;

/** Address bits 51 and 50 in bits 9 and 8. */
const lpa2 = (address: bigint): bigint => (address & ((1n << 50n) - 1n)) | ((address >> 50n) << 8n);

/** Address bits 51 to 48 in bits 15 to 12. */
const lpa = (address: bigint): bigint => (address & ((1n << 48n) - 1n)) | ((address >> 48n) << 12n);

export const testFormats = {
  x86Four: x86(4),
  x86Five: x86(5),
  arm64Small: arm64(12, 48, inPlace),
  arm64SmallLpa2: arm64(12, 52, lpa2),
  arm64Medium: arm64(14, 47, inPlace),
  arm64MediumLpa2: arm64(14, 52, lpa2),
  arm64Large: arm64(16, 48, lpa),
  arm64LargeLva: arm64(16, 52, lpa),
  s390xSegment: s390x(0),
  s390xThird: s390x(1),
  s390xSecond: s390x(2),
  s390xFirst: s390x(3),
  ppc64leRadixSmall: ppc64le(12, [13, 9, 9, 9], true),
  ppc64leRadixLarge: ppc64le(16, [13, 9, 9, 5], true),
  ppc64leHashSmall: ppc64le(12, [9, 9, 7, 9], false),
  ppc64leHashLarge: ppc64le(16, [8, 10, 10, 8], false),
} as const;
