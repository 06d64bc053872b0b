import { gunzipSync } from 'node:zlib';
import { KelpError } from '@kelp/core';
import { latin1 } from './kernel-reader.ts';
import { SymbolCollector, type KernelSymbols } from './kernel-symbols.ts';

/** Uncompressed text beyond this is taken for an attack on memory: 1 GiB. */
const largestText = 2 ** 30;

/**
 * Read the text of /proc/kallsyms, plain or compressed with gzip: `ADDRESS TYPE NAME`, for a module's symbol followed
 * by a tab and `[MODULE]`.
 *
 * @throws KelpError `memory/damaged-kallsyms` with the line, `memory/truncated` if the last line or the compressed
 *   data does not end, `memory/hidden-addresses` if every address is zero (kptr_restrict, no CAP_SYSLOG).
 */
export function parseKallsyms(bytes: Uint8Array, file?: string): KernelSymbols {
  const collector = new SymbolCollector();
  addKallsyms(collector, bytes, file);
  return collector.symbols();
}

/** The same into a collector, so that other symbols can follow. */
export function addKallsyms(collector: SymbolCollector, bytes: Uint8Array, file?: string): void {
  const text = latin1(uncompressed(bytes, file));
  if (!text.endsWith('\n')) {
    const message =
      text === '' ? 'no symbols in the file' : 'the last line does not end: the file is truncated';
    throw new KelpError('memory/truncated', message, { file, offset: text.length });
  }
  let visible = false;
  for (let start = 0, line = 1; start < text.length; line++) {
    const end = text.indexOf('\n', start);
    const address = readLine(collector, text, start, end);
    if (address === undefined) throw damaged(text.slice(start, end), line, { file, offset: start });
    visible ||= address !== 0n;
    start = end + 1;
  }
  if (!visible) throw hiddenAddresses('every symbol has address 0', file);
}

/** The error of a file in which the kernel shows 0 instead of addresses. */
export function hiddenAddresses(found: string, file: string | undefined): KelpError {
  const message = `${found}: the kernel hides addresses; read it as root with /proc/sys/kernel/kptr_restrict not 2`;
  return new KelpError('memory/hidden-addresses', message, { file });
}

/** One line into the collector; its address, or undefined if it is none. */
function readLine(collector: SymbolCollector, text: string, start: number, end: number): bigint | undefined {
  const space = text.indexOf(' ', start);
  if (space <= start || space + 3 >= end || text[space + 2] !== ' ') return undefined;
  const digits = text.slice(start, space);
  if (!/^[0-9a-f]{1,16}$/iu.test(digits)) return undefined;

  const address = BigInt(`0x${digits}`);
  const type = text.charCodeAt(space + 1);
  const name = text.slice(space + 3, end);
  const tab = name.indexOf('\t');
  if (tab < 0) {
    collector.add(name, address, type, undefined);
    return address;
  }
  if (name[tab + 1] !== '[' || !name.endsWith(']')) return undefined;
  collector.add(name.slice(0, tab), address, type, name.slice(tab + 2, -1));
  return address;
}

function damaged(
  line: string,
  number: number,
  place: { file: string | undefined; offset: number },
): KelpError {
  const shown = JSON.stringify(line.slice(0, 80));
  return new KelpError(
    'memory/damaged-kallsyms',
    `line ${number} is ${shown}, expected ADDRESS TYPE NAME [MODULE]`,
    place,
  );
}

function uncompressed(bytes: Uint8Array, file: string | undefined): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: largestText });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const truncated = reason.includes('unexpected end');
    const code = truncated ? 'memory/truncated' : 'memory/damaged-kallsyms';
    throw new KelpError(code, `the gzip data is damaged: ${reason}`, { file }, { cause: error });
  }
}
