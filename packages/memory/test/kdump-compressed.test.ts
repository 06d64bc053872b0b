import { describe, expect, test } from 'vitest';
import { openDump, type Dump } from '../src/dump.ts';
import { flattened, kdumpFile, type TestKdump } from './kdump-file.ts';
import { elfCore } from './elf-core-file.ts';
import { refusal, refused } from './refusal.ts';
import { TemporaryFolder } from './temporary-folder.ts';

const folder = new TemporaryFolder();

/** A page that compresses well, and one that does not. */
const even = new Uint8Array(4096).fill(0x5a);
const uneven = Uint8Array.from(
  { length: 4096 },
  (_, index) => (index * index * 31 + (index >> 3) * 17) & 0xff,
);

const pages = [
  { frame: 2, bytes: even },
  { frame: 3, bytes: uneven },
  { frame: 900, bytes: uneven },
];

function open(dump: Partial<TestKdump> = {}): Dump {
  return openDump(folder.write('dump', kdumpFile({ frames: 1000, pages, ...dump })));
}

const states = (dump: Dump, address: bigint, length: number): unknown[] => {
  return (dump.physical?.pieces(address, length) ?? []).map((piece) => [
    'absent' in piece ? piece.absent : 'there',
    piece.length,
  ]);
};

describe('pages', () => {
  test('are unpacked', () => {
    const { physical, format } = open();
    expect(format).toBe('kdump-compressed');
    expect(physical?.read(0x2000n, 4096)).toEqual(even);
    expect(physical?.read(0x3000n, 4096)).toEqual(uneven);
    expect(physical?.read(900n * 4096n, 4096)).toEqual(uneven);
  });

  test('are joined', () => {
    expect(open().physical?.read(0x2ffen, 4)).toEqual(
      Uint8Array.of(0x5a, 0x5a, uneven[0] ?? 0, uneven[1] ?? 0),
    );
  });

  test('that were left out are told from those that do not exist', () => {
    const dump = open({ excluded: [4, 5] });
    expect(states(dump, 0x1000n, 0x6000)).toEqual([
      ['not-mapped', 4096],
      ['there', 4096],
      ['there', 4096],
      ['excluded', 8192],
      ['not-mapped', 4096],
    ]);
    expect(states(dump, 2n ** 40n, 4096)).toEqual([['not-mapped', 4096]]);
  });

  test('of a dump with one bitmap are found', () => {
    expect(open({ oneBitmap: true }).physical?.read(900n * 4096n, 4096)).toEqual(uneven);
  });

  test('may be larger than 4 KiB', () => {
    const large = new Uint8Array(65_536).fill(7);
    const dump = open({ blockSize: 65_536, pages: [{ frame: 1, bytes: large }], machine: 'ppc64le' });
    expect(dump.physical?.read(65_536n, 65_536)).toEqual(large);
  });

  test('of a big-endian machine are found', () => {
    const dump = open({ byteOrder: 'big', machine: 's390x' });
    expect([dump.byteOrder, dump.machineName]).toEqual(['big', 's390x']);
    expect(dump.physical?.read(0x2000n, 4096)).toEqual(even);
  });

  test('compressed with Zstandard are unpacked', () => {
    // One block of one repeated byte: RFC 8878, frame header with a content size of 2 bytes, RLE block.
    const frame = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x60, 0x00, 0x0f, 0x03, 0x80, 0x00, 0x5a);
    const dump = open({ pages: [{ frame: 2, bytes: frame, flags: 0x20 }] });
    expect(dump.physical?.read(0x2000n, 4096)).toEqual(even);
  });

  test.each([
    ['LZO', 0x02],
    ['snappy', 0x04],
  ])('compressed with %s are refused with advice', (name, flags) => {
    const dump = open({ pages: [{ frame: 2, bytes: even, flags }] });
    const advice = new RegExp(`${name}.*makedumpfile -c`, 'u');
    expect(refusal(() => dump.physical?.read(0x2000n, 16))).toEqual(
      refused('memory/unsupported-compression', advice),
    );
  });

  test.each([
    ['data that is no zlib stream', 0x01, even],
    ['a page of the wrong size', 0x00, even.subarray(0, 100)],
    ['a compression that does not exist', 0x07, even],
    ['data that is no Zstandard frame', 0x20, even],
  ])('with %s are damaged', (_, flags, data) => {
    expect(states(open({ pages: [{ frame: 2, bytes: data, flags }] }), 0x2000n, 4096)).toEqual([
      ['damaged', 4096],
    ]);
  });

  test('beyond the end of the file are truncated', () => {
    const whole = kdumpFile({ frames: 1000, pages });
    const dump = openDump(folder.write('dump', whole.subarray(0, whole.length - 10)));
    expect(states(dump, 0x3000n, 4096)).toEqual([['there', 4096]]);
    expect(states(dump, 900n * 4096n, 4096)).toEqual([['truncated', 4096]]);
  });
});

test('ranges of physical memory are the dumped pages', () => {
  expect(open({ excluded: [4] }).physicalRanges).toEqual([
    { address: 0x2000n, size: 0x2000n },
    { address: 900n * 4096n, size: 0x1000n },
  ]);
});

test('notes and VMCOREINFO are where the sub header says', () => {
  const dump = open({
    notes: [{ name: 'CORE', type: 1, description: Uint8Array.of(1, 2) }],
    vmcoreInfo: 'OSRELEASE=6.1\n',
  });
  expect(dump.notes.map(({ name }) => name)).toEqual(['CORE']);
  expect(Buffer.from(dump.vmcoreInfo ?? []).toString()).toBe('OSRELEASE=6.1\n');
  expect(open().vmcoreInfo).toBeUndefined();
});

describe('a flattened dump', () => {
  const whole = kdumpFile({ frames: 1000, pages });
  const piece = (place: number, end: number): { place: number; bytes: Uint8Array } => ({
    place,
    bytes: whole.subarray(place, end),
  });

  test('is read as if it were rebuilt', () => {
    const written = [piece(9000, whole.length), piece(0, 5000), piece(5000, 9000)];
    const dump = openDump(folder.write('flat', flattened(written)));
    expect(dump.physical?.read(0x3000n, 4096)).toEqual(uneven);
    expect(dump.physical?.read(900n * 4096n, 4096)).toEqual(uneven);
  });

  test('a later piece replaces an earlier one', () => {
    const wrong = new Uint8Array(2000).fill(0xee);
    const written = [
      { place: 0, bytes: wrong },
      piece(1000, whole.length),
      { place: 3000, bytes: wrong },
      piece(0, 6000),
    ];
    const dump = openDump(folder.write('flat', flattened(written)));
    expect(dump.physical?.read(0x2000n, 4096)).toEqual(even);
  });

  test('what no piece covers is zero', () => {
    const core = elfCore({ segments: [{ physical: 0x1000n, bytes: new Uint8Array(64).fill(9) }] });
    const end = core.length;
    const written = [
      { place: 0, bytes: core.subarray(0, end - 40) },
      { place: end - 20, bytes: core.subarray(end - 20) },
    ];
    const dump = openDump(folder.write('flat', flattened(written)));
    expect(dump.format).toBe('elf');
    expect(dump.physical?.read(0x1000n, 64)).toEqual(
      Uint8Array.from({ length: 64 }, (_, index) => (index < 24 || index >= 44 ? 9 : 0)),
    );
  });

  test('without its end mark is truncated', () => {
    const incomplete = flattened([piece(0, whole.length)], false);
    expect(refusal(() => openDump(folder.write('flat', incomplete)))).toEqual(
      refused('memory/truncated', /end mark/u),
    );
    const cut = flattened([piece(0, whole.length)]).subarray(0, 9000);
    expect(refusal(() => openDump(folder.write('flat', cut)))).toEqual(
      refused('memory/truncated', /end mark/u),
    );
  });

  test('of another version is refused', () => {
    const other = Uint8Array.from(flattened([]));
    other[31] = 2;
    expect(refusal(() => openDump(folder.write('flat', other)))).toEqual(refused('memory/damaged-dump'));
  });
});

describe('a damaged header', () => {
  const whole = kdumpFile({ frames: 1000, pages });
  const changed = (offset: number, ...values: readonly number[]): Uint8Array => {
    const copy = Uint8Array.from(whole);
    copy.set(values, offset);
    return copy;
  };

  test.each([
    [
      'a version that is no small number',
      changed(8, 1, 1, 1, 1),
      'memory/damaged-dump',
      /header version is 0x1010101/,
    ],
    [
      'a block size that is no page size',
      changed(428, 1, 2, 0, 0),
      'memory/damaged-dump',
      /block size is 513/,
    ],
    [
      'bitmaps that do not cover all pages',
      changed(436, 0, 0, 0, 0),
      'memory/damaged-dump',
      /1000 pages, but bitmaps of 0 bytes/,
    ],
    ['an end within the header', whole.subarray(0, 300), 'memory/truncated', /header/],
    ['an end within the bitmaps', whole.subarray(0, 9000), 'memory/truncated', /page bitmap/],
    [
      'notes of any size',
      changed(4096 + 48, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
      'memory/damaged-dump',
      /notes of/,
    ],
  ])('is refused: %s', (_, content, code, message) => {
    expect(refusal(() => openDump(folder.write('dump', content)))).toEqual(refused(code, message));
  });

  test('one file of several is refused with advice', () => {
    expect(refusal(() => open({ split: true }))).toEqual(refused('memory/split-dump', /--reassemble/u));
  });
});

describe('a dump that is compressed as a whole', () => {
  test.each([
    ['gzip', [0x1f, 0x8b, 8], 'gunzip'],
    ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], 'xz -d'],
    ['Zstandard', [0x28, 0xb5, 0x2f, 0xfd], 'zstd -d'],
  ])('with %s is refused with advice', (name, magic, command) => {
    const path = folder.write('dump', Uint8Array.from([...magic, 1, 2, 3]));
    expect(refusal(() => openDump(path))).toEqual(
      refused('memory/compressed-dump', new RegExp(`${name}.*${command}`, 'u'), path),
    );
  });
});
