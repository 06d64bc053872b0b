import { byteAt, type CodeWindow } from './code-window.ts';
import {
  evexOpcodes0f,
  evexOpcodes38,
  evexOpcodes3a,
  evexOpcodesMap4,
  evexOpcodesMap5,
  evexOpcodesMap6,
  evexOpcodesMap7,
} from './evex-opcodes.ts';
import {
  oneByteOpcodes,
  rex2OneByteOpcodes,
  rex2TwoByteOpcodes,
  threeByteOpcodes38,
  threeByteOpcodes3a,
  twoByteOpcodes,
} from './legacy-opcodes.ts';
import type { OpcodeTable } from './opcode-table.ts';
import type { Prefixes } from './prefixes.ts';
import { vexOpcodes0f, vexOpcodes38, vexOpcodes3a, vexOpcodesMap7 } from './vex-opcodes.ts';
import { xopOpcodesMap8, xopOpcodesMap9, xopOpcodesMapA } from './xop-opcodes.ts';

/** How the opcode is introduced. */
export type Encoding = 'legacy' | 'rex2' | 'vex' | 'evex' | 'xop';

/** The map that an opcode byte belongs to, by its escape bytes or by the number in VEX, EVEX or XOP. */
export type OpcodeMap =
  | 'one-byte'
  | '0f'
  | '0f38'
  | '0f3a'
  | 'map4'
  | 'map5'
  | 'map6'
  | 'map7'
  | 'map8'
  | 'map9'
  | 'map10';

/** An opcode and what its prefixes say about it. */
export interface Opcode {
  readonly encoding: Encoding;
  readonly map: OpcodeMap;
  readonly table: OpcodeTable;
  /** Offset of the opcode byte; escape bytes stand before it. */
  readonly offset: number;
  /** Bytes before the opcode and its escape bytes. */
  readonly prefixLength: number;
  /** Mandatory prefix: 0 none, 1 66, 2 F3, 3 F2. */
  readonly prefix: number;
  /** The W bit of REX, REX2, VEX, EVEX or XOP. */
  readonly wide: boolean;
  /** REX, or the payload byte of REX2. */
  readonly rex: number | undefined;
}

interface NumberedMap {
  readonly map: OpcodeMap;
  readonly table: OpcodeTable;
}

type NumberedMaps = ReadonlyMap<number, NumberedMap>;

const rex2Maps: NumberedMaps = new Map([
  [0, { map: 'one-byte', table: rex2OneByteOpcodes }],
  [1, { map: '0f', table: rex2TwoByteOpcodes }],
]);

const vexMaps: NumberedMaps = new Map([
  [1, { map: '0f', table: vexOpcodes0f }],
  [2, { map: '0f38', table: vexOpcodes38 }],
  [3, { map: '0f3a', table: vexOpcodes3a }],
  [7, { map: 'map7', table: vexOpcodesMap7 }],
]);

const evexMaps: NumberedMaps = new Map([
  [1, { map: '0f', table: evexOpcodes0f }],
  [2, { map: '0f38', table: evexOpcodes38 }],
  [3, { map: '0f3a', table: evexOpcodes3a }],
  [4, { map: 'map4', table: evexOpcodesMap4 }],
  [5, { map: 'map5', table: evexOpcodesMap5 }],
  [6, { map: 'map6', table: evexOpcodesMap6 }],
  [7, { map: 'map7', table: evexOpcodesMap7 }],
]);

const xopMaps: NumberedMaps = new Map([
  [8, { map: 'map8', table: xopOpcodesMap8 }],
  [9, { map: 'map9', table: xopOpcodesMap9 }],
  [10, { map: 'map10', table: xopOpcodesMapA }],
]);

/** A prefix that holds the number of the opcode map in its second byte, and W and pp in its third. */
interface VectorPrefix {
  readonly encoding: 'vex' | 'evex' | 'xop';
  /** Bytes. */
  readonly length: number;
  readonly maps: NumberedMaps;
  /** The bits of the second byte that number the map. */
  readonly mapBits: number;
}

const vex2: VectorPrefix = { encoding: 'vex', length: 2, maps: vexMaps, mapBits: 0x1f };
const vex3: VectorPrefix = { encoding: 'vex', length: 3, maps: vexMaps, mapBits: 0x1f };
// Bit 3 of the second byte and bit 2 of the third, once fixed, are register bits in APX and a length bit in AVX10.2.
const evex: VectorPrefix = { encoding: 'evex', length: 4, maps: evexMaps, mapBits: 7 };
const xop: VectorPrefix = { encoding: 'xop', length: 3, maps: xopMaps, mapBits: 0x1f };

/**
 * Read the opcode behind legacy prefixes and REX, with VEX, EVEX, XOP or REX2 where it has one. Undefined where a prefix
 * is not allowed before those or they name no map; the opcode byte itself may lie behind the end.
 */
export function readOpcode(code: CodeWindow, prefixes: Prefixes): Opcode | undefined {
  const first = byteAt(code, prefixes.end) ?? 0;
  const second = byteAt(code, prefixes.end + 1) ?? 0;
  const third = byteAt(code, prefixes.end + 2) ?? 0;
  switch (first) {
    case 0x0f:
      return escapedOpcode(second, prefixes);
    case 0xc4:
      return vectorOpcode(prefixes, vex3, second, third);
    // Stands for map 1; its other fields lie as in the third byte of the longer prefix, but W is 0.
    case 0xc5:
      return vectorOpcode(prefixes, vex2, 1, second & 0x7f);
    case 0x62:
      return vectorOpcode(prefixes, evex, second, third);
    // POP where ModRM would name a map below 8.
    case 0x8f:
      return (second & 0x1f) < 8 ? plainOpcode(prefixes) : vectorOpcode(prefixes, xop, second, third);
    case 0xd5:
      return rex2Opcode(second, prefixes);
    default:
      return plainOpcode(prefixes);
  }
}

function plainOpcode(prefixes: Prefixes): Opcode {
  return legacyOpcode(prefixes, 'one-byte', oneByteOpcodes, 0);
}

function escapedOpcode(second: number, prefixes: Prefixes): Opcode {
  if (second === 0x38) return legacyOpcode(prefixes, '0f38', threeByteOpcodes38, 2);
  if (second === 0x3a) return legacyOpcode(prefixes, '0f3a', threeByteOpcodes3a, 2);
  return legacyOpcode(prefixes, '0f', twoByteOpcodes, 1);
}

/** @param escape - bytes of the escape. */
function legacyOpcode(prefixes: Prefixes, map: OpcodeMap, table: OpcodeTable, escape: number): Opcode {
  const { end, rex } = prefixes;
  return {
    encoding: 'legacy',
    map,
    table,
    offset: end + escape,
    prefixLength: end,
    prefix: mandatoryPrefix(prefixes),
    wide: (rex & 8) !== 0,
    rex: rex === 0 ? undefined : rex,
  };
}

function rex2Opcode(payload: number, prefixes: Prefixes): Opcode | undefined {
  const numbered = rex2Maps.get(payload >> 7);
  if (numbered === undefined || prefixes.rex !== 0) return undefined;
  const offset = prefixes.end + 2;
  const prefix = mandatoryPrefix(prefixes);
  return {
    ...numbered,
    encoding: 'rex2',
    offset,
    prefixLength: offset,
    prefix,
    wide: (payload & 8) !== 0,
    rex: payload,
  };
}

/** F3 and F2 win over 66, which then only sets the operand size. */
function mandatoryPrefix({ repeat, operandSize }: Prefixes): number {
  return repeat === 0 ? Number(operandSize) : repeat;
}

/** 66, F2, F3, LOCK and REX before these are #UD (Intel SDM, volume 2, sections 2.3.2 to 2.3.4). */
function vectorOpcode(
  prefixes: Prefixes,
  vector: VectorPrefix,
  second: number,
  third: number,
): Opcode | undefined {
  const { rex, operandSize, repeat, lock, end } = prefixes;
  const numbered = vector.maps.get(second & vector.mapBits);
  if (numbered === undefined || rex !== 0 || operandSize || repeat !== 0 || lock) return undefined;
  const offset = end + vector.length;
  return {
    ...numbered,
    encoding: vector.encoding,
    offset,
    prefixLength: offset,
    prefix: third & 3,
    wide: third >> 7 === 1,
    rex: undefined,
  };
}
