import { describe, expect, it } from 'vitest';
import { renderTerminal } from '../src/index.ts';

function dump(bytes: Uint8Array, start?: number | bigint): readonly string[] {
  const report = { title: 'T', blocks: [{ kind: 'bytes', bytes, start }] } as const;
  return renderTerminal(report, { color: false }).split('\n').slice(2, -1);
}

describe('a block of bytes', () => {
  // Expected lines as printed by `hexdump -C`.
  it('looks like hexdump -C', () => {
    const bytes = Uint8Array.from({ length: 40 }, (_, index) => (index * 7) & 0xff);
    expect(dump(bytes)).toEqual([
      '  00000000  00 07 0e 15 1c 23 2a 31  38 3f 46 4d 54 5b 62 69  |.....#*18?FMT[bi|',
      '  00000010  70 77 7e 85 8c 93 9a a1  a8 af b6 bd c4 cb d2 d9  |pw~.............|',
      '  00000020  e0 e7 ee f5 fc 03 0a 11                           |........|',
    ]);
  });

  it('starts at an exact address', () => {
    expect(dump(new Uint8Array([0x60]), 0xc008_0000_0000_0001n)).toEqual([
      `  c008000000000001  60${' '.repeat(46)}  |\`|`,
    ]);
  });

  it('is absent without bytes', () => {
    expect(dump(new Uint8Array())).toEqual([]);
  });
});
