import type { ByteOrder } from '@kelp/core';
import { GrowingBytes } from './bytes.ts';

export interface TableSymbol {
  readonly name: string;
  readonly address: bigint;
  readonly type: string;
}

/** How kallsyms_offsets holds addresses. */
export type KallsymsForm = 'from base' | 'from base, absolute per-CPU' | 'from own place';

/** Pieces of names that one byte stands for; the rest are single characters. */
const tokens = Array.from({ length: 256 }, (_, index) => {
  const pieces = ['module', '_init', 'kall', 'sym', '_st', 'Tsched'];
  return pieces[index - 128] ?? (index > 32 && index < 127 ? String.fromCharCode(index) : '?');
});

/** The tables of scripts/kallsyms.c: token table, token index, names. */
export function kallsymsNames(
  symbols: readonly TableSymbol[],
  byteOrder: ByteOrder,
): { tokenTable: Uint8Array; tokenIndex: Uint8Array; names: Uint8Array } {
  const table = new GrowingBytes(byteOrder);
  const index = new GrowingBytes(byteOrder);
  for (const token of tokens) index.u16(table.text(token));
  const names = new GrowingBytes(byteOrder);
  for (const { name, type } of symbols) {
    const packed = pack(`${type}${name}`);
    if (packed.length < 0x80) names.u8(packed.length);
    else names.put(Uint8Array.of((packed.length & 0x7f) | 0x80, packed.length >> 7));
    names.put(Uint8Array.from(packed));
  }
  return { tokenTable: table.bytes, tokenIndex: index.bytes, names: names.bytes };
}

function pack(text: string): number[] {
  const packed: number[] = [];
  for (let place = 0; place < text.length;) {
    const rest = text.slice(place);
    const longest = tokens.findIndex(
      (token, index) => index >= 128 && token !== '?' && rest.startsWith(token),
    );
    const code = longest < 0 ? text.charCodeAt(place) : longest;
    packed.push(code);
    place += longest < 0 ? 1 : (tokens[longest]?.length ?? 1);
  }
  return packed;
}

/** kallsyms_offsets, at an address of its own. */
export function kallsymsOffsets(
  symbols: readonly TableSymbol[],
  byteOrder: ByteOrder,
  form: KallsymsForm,
  place: { readonly table: bigint; readonly base: bigint },
): Uint8Array {
  const bytes = new GrowingBytes(byteOrder);
  for (const [index, { address }] of symbols.entries()) {
    const own = place.table + BigInt(index * 4);
    const isAbsolute = form === 'from base, absolute per-CPU' && address < 0x8000_0000n;
    const fromBase = form === 'from base' ? address - place.base : place.base - 1n - address;
    const offset = form === 'from own place' ? address - own : isAbsolute ? address : fromBase;
    bytes.u32(Number(BigInt.asUintN(32, offset)));
  }
  return bytes.bytes;
}
