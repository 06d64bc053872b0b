import { byteAt, type CodeWindow } from './code-window.ts';

/** What stands before the opcode. */
export interface Prefixes {
  /** Legacy prefixes at the start, in bytes; one that is repeated counts as often. */
  readonly legacy: number;
  /** All prefix bytes, REX and legacy: where the opcode, VEX, EVEX, XOP or REX2 starts. */
  readonly end: number;
  /** The REX byte directly before the opcode, or 0. */
  readonly rex: number;
  readonly operandSize: boolean;
  readonly addressSize: boolean;
  readonly lock: boolean;
  /** The last of F3 and F2 as the pp field of VEX numbers them, or 0. */
  readonly repeat: 0 | 2 | 3;
}

type LegacyPrefix = 'segment' | 'operand-size' | 'address-size' | 'lock' | 'repne' | 'rep';

const legacyPrefixes: ReadonlyMap<number, LegacyPrefix> = new Map([
  [0x26, 'segment'],
  [0x2e, 'segment'],
  [0x36, 'segment'],
  [0x3e, 'segment'],
  [0x64, 'segment'],
  [0x65, 'segment'],
  [0x66, 'operand-size'],
  [0x67, 'address-size'],
  [0xf0, 'lock'],
  [0xf2, 'repne'],
  [0xf3, 'rep'],
]);

/**
 * Read legacy prefixes and REX; any byte may follow them. REX counts directly before the opcode only (Intel SDM, volume 2,
 * section 2.2.1); elsewhere it is a byte without effect.
 */
export function readPrefixes(code: CodeWindow): Prefixes {
  let legacy = 0;
  let end = 0;
  let rex = 0;
  let operandSize = false;
  let addressSize = false;
  let lock = false;
  let repeat: Prefixes['repeat'] = 0;
  for (let byte = byteAt(code, 0); byte !== undefined; byte = byteAt(code, ++end)) {
    const kind = legacyPrefixes.get(byte);
    if (kind === undefined && (byte & 0xf0) !== 0x40) break;
    rex = kind === undefined ? byte : 0;
    if (kind === undefined) continue;
    legacy++;
    if (kind === 'operand-size') operandSize = true;
    else if (kind === 'address-size') addressSize = true;
    else if (kind === 'lock') lock = true;
    else if (kind === 'rep') repeat = 2;
    else if (kind === 'repne') repeat = 3;
  }
  return { legacy, end, rex, operandSize, addressSize, lock, repeat };
}
