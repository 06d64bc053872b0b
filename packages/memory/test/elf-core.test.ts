import { describe, expect, test } from 'vitest';
import { readElfCore } from '../src/elf-core.ts';
import { parseNotes } from '../src/elf-notes.ts';
import { RandomAccessFile } from '../src/random-access-file.ts';
import { elfCore, elfNotes, type TestCore } from './elf-core-file.ts';
import { TemporaryFolder } from './temporary-folder.ts';
import { refusal, refused } from './refusal.ts';

const folder = new TemporaryFolder();

const bytes = (length: number, first = 0): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => first + index);

function open(content: Uint8Array): RandomAccessFile {
  return new RandomAccessFile(folder.write('core', content));
}

function read(core: TestCore): ReturnType<typeof readElfCore> {
  return readElfCore(open(elfCore(core)));
}

describe('memory', () => {
  test('is read by physical and by virtual address', () => {
    const { physical, virtual, segments } = read({
      segments: [
        { virtual: 0xffff_8880_0000_1000n, physical: 0x1000n, bytes: bytes(64) },
        { virtual: 0xffff_8880_0000_4000n, physical: 0x4000n, bytes: bytes(64, 100) },
      ],
    });
    expect(segments).toBe(2);
    expect(physical?.read(0x1010n, 4)).toEqual(bytes(4, 16));
    expect(virtual?.read(0xffff_8880_0000_4000n, 4)).toEqual(bytes(4, 100));
  });

  test('has reasons for its gaps', () => {
    const { physical } = read({
      segments: [
        { physical: 0x1000n, bytes: bytes(16), memorySize: 32n },
        { physical: 0x2000n, bytes: bytes(16) },
      ],
    });
    const pieces = physical?.pieces(0xff0n, 0x1020);
    expect(
      pieces?.map((piece) => ['absent' in piece ? piece.absent : 'there', piece.address, piece.length]),
    ).toEqual([
      ['not-mapped', 0xff0n, 16],
      ['there', 0x1000n, 16],
      ['excluded', 0x1010n, 16],
      ['not-mapped', 0x1020n, 0xfe0],
      ['there', 0x2000n, 16],
    ]);
  });

  test('joins segments that follow each other', () => {
    const { physical } = read({
      segments: [
        { physical: 0x2000n, bytes: bytes(4096, 0) },
        { physical: 0x1000n, bytes: new Uint8Array(4096).fill(9) },
      ],
    });
    expect(physical?.read(0x1fffn, 3)).toEqual(Uint8Array.of(9, 0, 1));
  });

  test('beyond the end of a file that was cut is truncated', () => {
    const whole = elfCore({ segments: [{ physical: 0x1000n, bytes: bytes(200) }] });
    const { physical } = readElfCore(open(whole.subarray(0, whole.length - 50)));
    expect(
      physical
        ?.pieces(0x1000n, 200)
        .map((piece) => ('absent' in piece ? [piece.absent, piece.length] : piece.length)),
    ).toEqual([150, ['truncated', 50]]);
  });
});

describe('addresses', () => {
  const one = bytes(16);

  test('a file with p_vaddr equal to p_paddr has physical ones only', () => {
    const core = read({ segments: [{ virtual: 0x1000n, physical: 0x1000n, bytes: one }] });
    expect([core.virtual, core.physicalRanges]).toEqual([undefined, [{ address: 0x1000n, size: 16n }]]);
  });

  test('a file without physical addresses has virtual ones only', () => {
    const unknown = 2n ** 64n - 1n;
    const core = read({ segments: [{ virtual: 0xffff_ffff_c000_0000n, physical: unknown, bytes: one }] });
    expect(core.physical).toBeUndefined();
    expect(core.virtual?.read(0xffff_ffff_c000_0000n, 16)).toEqual(one);
  });

  test('ranges of physical memory are in order', () => {
    const core = read({
      segments: [
        { physical: 0x10_0000_0000n, bytes: one },
        { physical: 0n, bytes: one },
      ],
    });
    expect(core.physicalRanges.map(({ address }) => address)).toEqual([0n, 0x10_0000_0000n]);
  });

  test('ranges of physical memory hold no more than the file, whatever its headers say', () => {
    const file = elfCore({
      segments: [
        { physical: 0x1000n, bytes: one },
        { physical: 0x2000n, bytes: one },
      ],
    });
    const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
    // p_filesz of both, behind the header of the notes.
    for (const index of [1, 2]) view.setBigUint64(128 + index * 56 + 32, 1n << 55n, true);
    const sizes = readElfCore(open(file)).physicalRanges.map(({ size }) => size);
    expect(sizes.reduce((sum, size) => sum + size, 0n)).toBeLessThanOrEqual(BigInt(file.length));
  });
});

test('a big-endian file is read the same', () => {
  const core = read({ machine: 22, byteOrder: 'big', segments: [{ physical: 0x1000n, bytes: bytes(16) }] });
  expect([core.machine, core.byteOrder]).toEqual([22, 'big']);
  expect(core.physical?.read(0x1002n, 2)).toEqual(Uint8Array.of(2, 3));
});

describe('more program headers than e_phnum can count', () => {
  const segments = Array.from({ length: 70_000 }, (_, index) => ({
    virtual: 0xffff_ff00_0000_0000n + BigInt(index) * 0x2000n,
    physical: BigInt(index) * 0x1000n,
    bytes: Uint8Array.of(index, index >> 8, index >> 16, 0),
  }));

  test('are counted by section header 0', () => {
    const core = read({ segments, extended: true });
    expect(core.segments).toBe(70_000);
    expect(core.virtual?.read(0xffff_ff00_0000_0000n + 69_999n * 0x2000n, 4)).toEqual(
      Uint8Array.of(0x6f, 0x11, 0x01, 0),
    );
    expect(core.physical?.read(66_000n * 0x1000n, 4)).toEqual(Uint8Array.of(0xd0, 0x01, 0x01, 0));
  });

  test('that are not all there are refused', () => {
    const whole = elfCore({ segments, extended: true });
    expect(refusal(() => readElfCore(open(whole.subarray(0, 100_000))))).toEqual(
      refused('memory/truncated', /program headers/u),
    );
  });

  test('a number that PN_XNUM is not needed for is damage', () => {
    const file = elfCore({ segments: segments.slice(0, 5), extended: true });
    expect(refusal(() => readElfCore(open(file)))).toEqual(refused('memory/damaged-dump'));
  });

  test('an absurd number allocates nothing', () => {
    const file = elfCore({ segments: segments.slice(0, 5), extended: true });
    new DataView(file.buffer, file.byteOffset).setUint32(64 + 44, 0xff_ffff, true);
    expect(refusal(() => readElfCore(open(file)))).toEqual(refused('memory/truncated'));
  });
});

describe('notes', () => {
  const notes = [
    { name: 'CORE', type: 1, description: bytes(5) },
    { name: 'VMCOREINFO', description: Buffer.from('OSRELEASE=6.1\n') },
  ];

  test('are listed with their names', () => {
    const found = read({ segments: [], notes }).notes;
    expect(found.map(({ name, type, description }) => [name, type, description.length])).toEqual([
      ['CORE', 1, 5],
      ['VMCOREINFO', 0, 14],
    ]);
  });

  test('end where one does not fit', () => {
    const whole = elfNotes(notes, 'little');
    expect(parseNotes(whole.subarray(0, whole.length - 4), 'little').map(({ name }) => name)).toEqual([
      'CORE',
    ]);
    expect(parseNotes(Uint8Array.of(1, 2, 3), 'little')).toEqual([]);
  });

  test('that are not in the file are missed', () => {
    const whole = elfCore({ segments: [], notes });
    expect(refusal(() => readElfCore(open(whole.subarray(0, whole.length - 8))))).toEqual(
      refused('memory/truncated', /notes/u),
    );
  });
});

describe('a file that is no ELF64 core', () => {
  const core = elfCore({ segments: [] });
  const changed = (offset: number, ...values: readonly number[]): Uint8Array => {
    const copy = Uint8Array.from(core);
    copy.set(values, offset);
    return copy;
  };

  test.each([
    ['another format', changed(0, 0x50), 'memory/not-a-dump', /no ELF file/],
    ['an ELF32 file', changed(4, 1), 'memory/not-a-dump', /ELF32/],
    ['a module', changed(16, 1), 'memory/not-a-dump', /type 1/],
    ['program headers of another size', changed(54, 32), 'memory/damaged-dump', /e_phentsize is 32/],
    ['a header that ends early', core.subarray(0, 20), 'memory/truncated', /ELF header/],
    ['an empty file', new Uint8Array(0), 'memory/not-a-dump', /no ELF file/],
    [
      'program headers beyond 2^63',
      changed(32, 0, 0, 0, 0, 0, 0, 0, 0xff),
      'memory/truncated',
      /program headers/,
    ],
  ])('is refused: %s', (_, content, code, message) => {
    expect(refusal(() => readElfCore(open(content)))).toEqual(refused(code, message));
  });
});
