import type { BytesBlock } from './report.ts';

const BYTES_PER_LINE = 16;

/** Lines as `hexdump -C` prints them: offset, sixteen bytes in two groups, and the same bytes as ASCII with a dot for the rest. */
export function hexDump(block: BytesBlock): readonly string[] {
  const { bytes } = block;
  const start = BigInt(block.start ?? 0);
  const digits = Math.max(8, (start + BigInt(bytes.length)).toString(16).length);
  const lines: string[] = [];
  for (let offset = 0; offset < bytes.length; offset += BYTES_PER_LINE) {
    const line = bytes.subarray(offset, offset + BYTES_PER_LINE);
    const address = (start + BigInt(offset)).toString(16).padStart(digits, '0');
    lines.push(`${address}  ${hexColumns(line).padEnd(48)}  |${asciiColumn(line)}|`);
  }
  return lines;
}

function hexColumns(line: Uint8Array): string {
  const pairs = Array.from(line, (byte) => byte.toString(16).padStart(2, '0'));
  const half = BYTES_PER_LINE / 2;
  return [pairs.slice(0, half), pairs.slice(half)]
    .filter((group) => group.length > 0)
    .map((group) => group.join(' '))
    .join('  ');
}

function asciiColumn(line: Uint8Array): string {
  return Array.from(line, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
}
