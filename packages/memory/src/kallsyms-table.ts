import { KelpError } from '@kelp/core';
import type { KernelReader } from './kernel-reader.ts';
import type { SymbolCollector } from './kernel-symbols.ts';
import { hex } from './memory-source.ts';
import type { VmcoreInfo } from './vmcoreinfo.ts';

/** More symbols than any kernel has. */
const mostSymbols = 2 ** 24;

/** Bytes of names read at once. */
const chunk = 2 ** 16;

/**
 * Decode the compressed symbol table of a kernel image from memory (kernel/kallsyms.c, scripts/kallsyms.c), the
 * inverse of kallsyms_expand_symbol and kallsyms_sym_address. Three forms of kallsyms_offsets exist:
 *
 * - with kallsyms_relative_base, 32-bit offsets from it;
 * - with it and CONFIG_KALLSYMS_ABSOLUTE_PERCPU (x86-64 up to 6.14), values from 0 up are absolute (per-CPU offsets)
 *   and -1 - x stands for base + x;
 * - without it (7.x), each offset is relative to its own place.
 *
 * @throws KelpError `memory/no-kallsyms` if VMCOREINFO does not name the table (before 6.0), `memory/damaged-kallsyms`,
 *   `memory/absent`.
 */
export function addKallsymsTable(collector: SymbolCollector, info: VmcoreInfo, reader: KernelReader): void {
  const place = (name: string): bigint => {
    const address = info.symbol(`kallsyms_${name}`);
    if (address !== undefined) return address;
    const message = `VMCOREINFO of ${info.release ?? 'this kernel'} does not name kallsyms_${name}; kernels do from 6.0 on`;
    throw new KelpError('memory/no-kallsyms', message, { file: reader.file });
  };
  const count = reader.u32(place('num_syms'), 'kallsyms_num_syms');
  if (count === 0 || count > mostSymbols) throw damaged(`${count} symbols`, reader);
  const tokens = readTokens(reader, place('token_table'), place('token_index'));
  const addresses = readAddresses(reader, place('offsets'), count, info.symbol('kallsyms_relative_base'));
  const names = new NameStream(reader, place('names'));
  for (const address of addresses) {
    // The first character of the expanded name is the type letter.
    const text = names.next(tokens);
    if (text.length < 2) throw damaged(`symbol ${collector.size} has no name`, reader);
    collector.add(text.slice(1), address, text.charCodeAt(0), undefined);
  }
}

/** The 256 tokens that bytes of compressed names stand for. */
function readTokens(reader: KernelReader, table: bigint, index: bigint): readonly string[] {
  const offsets = reader.view(index, 512, 'kallsyms_token_index');
  const tokens: string[] = [];
  for (let token = 0; token < 256; token++) {
    tokens.push(
      reader.string(table + BigInt(offsets.u16(token * 2)), 256, `token ${token} of kallsyms_token_table`),
    );
  }
  return tokens;
}

function readAddresses(
  reader: KernelReader,
  table: bigint,
  count: number,
  base: bigint | undefined,
): BigUint64Array {
  const offsets = reader.view(table, count * 4, 'kallsyms_offsets');
  const addresses = new BigUint64Array(count);
  if (base === undefined) {
    for (let index = 0; index < count; index++)
      addresses[index] = table + BigInt(index * 4 + offsets.s32(index * 4));
    return addresses;
  }
  const start = reader.u64(base, 'kallsyms_relative_base');
  // A kernel image is smaller than 2 GiB: a negative offset occurs only in the form with absolute values.
  let isAbsolutePerCpu = false;
  for (let index = 0; index < count && !isAbsolutePerCpu; index++)
    isAbsolutePerCpu = offsets.s32(index * 4) < 0;
  for (let index = 0; index < count; index++) {
    const offset = offsets.s32(index * 4);
    if (!isAbsolutePerCpu) addresses[index] = start + BigInt(offsets.u32(index * 4));
    else addresses[index] = offset >= 0 ? BigInt(offset) : start - 1n - BigInt(offset);
  }
  return addresses;
}

/** The names one after the other: a length of one or two bytes, then that many tokens. */
class NameStream {
  readonly #reader: KernelReader;
  #address: bigint;
  #bytes: Uint8Array = new Uint8Array(0);
  #offset = 0;

  constructor(reader: KernelReader, address: bigint) {
    this.#reader = reader;
    this.#address = address;
  }

  next(tokens: readonly string[]): string {
    const first = this.#byte();
    // Since 6.1: a set upper bit means that the next byte has the upper bits.
    const length = (first & 0x80) === 0 ? first : (first & 0x7f) | (this.#byte() << 7);
    let text = '';
    for (let done = 0; done < length; done++) text += tokens[this.#byte()] ?? '';
    return text;
  }

  #byte(): number {
    if (this.#offset === this.#bytes.length) this.#refill();
    return this.#bytes[this.#offset++] ?? 0;
  }

  #refill(): void {
    this.#address += BigInt(this.#bytes.length);
    const [piece] = this.#reader.memory.pieces(this.#address, chunk);
    if (piece === undefined || 'absent' in piece) {
      const message = `kallsyms_names is ${piece?.absent ?? 'absent'} at ${hex(this.#address)}`;
      throw new KelpError('memory/absent', message, { file: this.#reader.file });
    }
    this.#bytes = piece.bytes;
    this.#offset = 0;
  }
}

function damaged(found: string, reader: KernelReader): KelpError {
  return new KelpError('memory/damaged-kallsyms', `damaged kallsyms table: ${found}`, { file: reader.file });
}
