import { describe, expect, test } from 'vitest';
import { ItsThunks, thunkCode } from '../src/its-thunks.ts';
import { patchRetpolines } from '../src/retpolines.ts';
import { derive, hex, siteList, testImage, type TestImage } from './test-image.ts';

// Thunks of 7.3: 32 bytes apart, in the order of register numbers.
const registers = [
  'rax',
  'rcx',
  'rdx',
  'rbx',
  'rsp',
  'rbp',
  'rsi',
  'rdi',
  'r8',
  'r9',
  'r10',
  'r11',
  'r12',
  'r13',
  'r14',
  'r15',
];
const families = {
  __x86_indirect_thunk: 0xffffffff822fe000n,
  __x86_indirect_call_thunk: 0xffffffff822fe200n,
  __x86_indirect_jump_thunk: 0xffffffff822fe400n,
};
const symbols: Record<string, bigint> = Object.fromEntries([
  ...Object.entries(families).flatMap(([family, start]) =>
    registers.map((register, index) => [`${family}_${register}`, start + BigInt(index * 32)] as const),
  ),
  // Of these only the array has a symbol here.
  ['__x86_indirect_its_thunk_array', 0xffffffff822fe620n],
]);

const text = 0xffffffffc0400000n;
const table = 0xffffffffc0500000n;

/** The distance of a branch that ends at an offset of the text, as bytes. */
function distance(end: number, target: bigint): string {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(Number(BigInt.asIntN(32, target - (text + BigInt(end)))));
  return bytes.toString('hex');
}

function thunk(register: string, family = '__x86_indirect_thunk'): bigint {
  return symbols[`${family}_${register}`] ?? 0n;
}

/** `code` at an offset of the text, which is a site. */
function patch(
  code: string,
  release: string,
  features: Readonly<Record<string, boolean>> = {},
  {
    offset = 0,
    answers = {},
  }: { readonly offset?: number; readonly answers?: Readonly<Record<string, string>> } = {},
): { readonly image: TestImage; readonly hex: string } {
  const bytes = new Uint8Array(0x100).fill(0xcc);
  bytes.set(hex(code), offset);
  const site = text + BigInt(offset);
  const image = testImage({
    release,
    sections: [
      { name: '.text', address: text, bytes },
      { name: '.retpoline_sites', address: table, bytes: siteList(table, [site]) },
    ],
    symbols,
    features,
    answers,
  });
  patchRetpolines(image);
  return { image, hex: image.hex(site, hex(code).length) };
}

const off = { RETPOLINE: false, RETPOLINE_LFENCE: false, INDIRECT_THUNK_ITS: false };
const lfence = { RETPOLINE: true, RETPOLINE_LFENCE: true, INDIRECT_THUNK_ITS: false };

const callRax = `e8${distance(5, thunk('rax'))}`;
const callR11 = `2ee8${distance(6, thunk('r11'))}`;
const jumpRdx = `e9${distance(5, thunk('rdx'))}`;
const jumpR10 = `2ee9${distance(6, thunk('r10'))}`;
const jneR11 = `0f85${distance(6, thunk('r11'))}`;

function callRaxAt(offset: number): string {
  return `e8${distance(offset + 5, thunk('rax'))}`;
}

/** Memory of the kernel where a page of thunks begins. */
function pageOf(code: string): TestImage {
  const address = 0xffffffffc0a00020n;
  return testImage({ release: '6.12.107', sections: [{ name: '.text', address, bytes: hex(code) }] });
}

describe('indirect branches in place of retpolines', () => {
  test.each([
    ['call *%rax', callRax, '6.1.176', 'ff d0 0f 1f 00'],
    ['call *%rax', callRax, '6.12.107', 'ff d0 0f 1f 00'],
    ['call *%rax', callRax, '6.18', '2e 2e 2e ff d0'],
    ['call *%r11', callR11, '6.1.176', '41 ff d3 0f 1f 00'],
    ['call *%r11', callR11, '7.3-rc7', '2e 2e 2e 41 ff d3'],
    // Up to 6.4 only nops of one byte are merged, from the second on.
    ['jmp *%rdx', jumpRdx, '6.1.176', 'ff e2 cc 66 90'],
    ['jmp *%rdx', jumpRdx, '6.12.107', 'ff e2 cc 66 90'],
    ['jmp *%rdx', jumpRdx, '7.3-rc7', 'ff e2 cc cc cc'],
    ['jmp *%r10', jumpR10, '6.12.107', '41 ff e2 cc 66 90'],
    ['jmp *%r10', jumpR10, '7.3-rc7', '41 ff e2 cc cc cc'],
    // je over the jump.
    ['jne *%r11', jneR11, '6.12.107', '74 04 41 ff e3 cc'],
    ['jne *%r11', jneR11, '7.3-rc7', '74 04 41 ff e3 cc'],
  ])('%s: %s in %s', (_, code, release, expected) => {
    expect(patch(code, release, off).hex).toBe(expected);
  });

  test.each([
    ['call *%rax', callRax, '6.12.107', '0f ae e8 ff d0'],
    ['jmp *%rdx', jumpRdx, '7.3-rc7', '0f ae e8 ff e2'],
    ['call *%r11', callR11, '6.1.176', '0f ae e8 41 ff d3'],
    ['jmp *%r10', jumpR10, '7.3-rc7', '0f ae e8 41 ff e2'],
  ])('with lfence: %s', (_, code, release, expected) => {
    expect(patch(code, release, lfence).hex).toBe(expected);
  });

  test('what does not fit stays', () => {
    // 2 bytes for the condition, 3 for lfence, 3 for the jump: the site has 6.
    expect(patch(jneR11, '7.3-rc7', lfence).image.writes).toEqual([]);
    // call *%r11 without a prefix has 5 bytes, lfence and the call need 6.
    expect(patch(`e8${distance(5, thunk('r11'))}`, '6.12.107', lfence).image.writes).toEqual([]);
  });

  test('retpolines in force stay', () => {
    for (const release of ['6.1.176', '6.12.107', '7.3-rc7']) {
      const { image } = patch(callRax, release, {
        RETPOLINE: true,
        RETPOLINE_LFENCE: false,
        CALL_DEPTH: false,
      });
      expect(image.writes).toEqual([]);
    }
  });

  test('other instructions and other targets stay', () => {
    expect(patch(`e8${distance(5, 0xffffffff81000000n)}`, '7.3-rc7', off).image.writes).toEqual([]);
    expect(patch('7410909090', '7.3-rc7', off).image.writes).toEqual([]);
    expect(patch('0fff', '7.3-rc7', off).image.writes).toEqual([]);
  });
});

describe('call depth tracking', () => {
  const depth = { RETPOLINE: true, RETPOLINE_LFENCE: false, CALL_DEPTH: true };

  test('calls and jumps go to the thunks that count', () => {
    expect(patch(callR11, '7.3-rc7', depth).hex).toBe(
      patch(`2ee8${distance(6, thunk('r11', '__x86_indirect_call_thunk'))}`, '7.3-rc7', off).hex,
    );
    expect(patch(jumpRdx, '7.3-rc7', depth).hex.replaceAll(' ', '')).toBe(
      `e9${distance(5, thunk('rdx', '__x86_indirect_jump_thunk'))}`,
    );
    expect(patch(jneR11, '7.3-rc7', depth).hex.replaceAll(' ', '')).toBe(
      `0f85${distance(6, thunk('r11', '__x86_indirect_jump_thunk'))}`,
    );
  });
});

describe('what memory tells', () => {
  const counted = `e8${distance(5, symbols['__x86_indirect_call_thunk_rax'] ?? 0n)}`;

  test.each([
    ['the retpoline', callRax, 'off', 'on', 'off'],
    ['a counting thunk', counted, 'off', 'on', 'on'],
    ['call *%rax', 'ffd00f1f00', 'off', 'off', undefined],
    ['lfence; call *%rax', '0faee8ffd0', 'on', undefined, undefined],
    ['something else', 'cccccccccc', undefined, undefined, undefined],
  ])('%s', (_, bytes, withLfence, retpoline, depth) => {
    const { image } = patch(callRax, '6.12.107');
    expect(derive(image, 'RETPOLINE_LFENCE', bytes)).toBe(withLfence);
    expect(derive(image, 'RETPOLINE', bytes)).toBe(retpoline);
    expect(derive(image, 'CALL_DEPTH', bytes)).toBe(depth);
  });

  test('retpolines are the first guess', () => {
    expect(patch(callRax, '6.12.107').image.writes).toEqual([]);
    expect(patch(callRax, '6.12.107', {}, { answers: { RETPOLINE: 'off' } }).hex).toBe('ff d0 0f 1f 00');
  });

  test('a site without room for lfence says nothing of it', () => {
    expect(derive(patch(jneR11, '6.12.107').image, 'RETPOLINE_LFENCE', jneR11)).toBeUndefined();
  });
});

describe('thunks against indirect target selection', () => {
  const its = { RETPOLINE: false, RETPOLINE_LFENCE: false, INDIRECT_THUNK_ITS: true };
  const page = `its_page 0 of 0x${text.toString(16)}`;

  test('branches that would end in the lower half of a cache line go to a thunk of their own', () => {
    const { image, hex: bytes } = patch(callRax, '6.12.107', its, {
      answers: { [page]: '0xffffffffc0a00000' },
    });
    expect(bytes.replaceAll(' ', '')).toBe(`e8${distance(5, 0xffffffffc0a00020n)}`);
    expect(image.writes).toEqual(['kernel-chosen 0xffffffffc0400000']);
  });

  test('branches in the upper half stay in place', () => {
    // The last byte of ff d0 at offset 0x1e lies at 0x1f, at offset 0x1f at 0x20.
    expect(patch(callRaxAt(0x1f), '6.12.107', its, { offset: 0x1f }).hex).toBe('ff d0 0f 1f 00');
    expect(patch(callRaxAt(0x1e), '6.12.107', its, { offset: 0x1e }).image.writes).toEqual([]);
  });

  test('the page is read from memory, its content checked where it is there', () => {
    const { image } = patch(callRax, '6.12.107', its);
    const branch = `e8${distance(5, 0xffffffffc0a00020n)}`;
    expect(derive(image, page, branch)).toBe('0xffffffffc0a00000');
    expect(derive(image, page, `e8${distance(5, 0xffffffffc0a00024n)}`)).toBeUndefined();
    expect(derive(image, page, branch, pageOf('ffe0cc'))).toBe('0xffffffffc0a00000');
    expect(derive(image, page, branch, pageOf('ffe1cc'))).toBeUndefined();
  });

  test('the feature is told from the site', () => {
    const { image } = patch(callRax, '6.12.107', { RETPOLINE: false, RETPOLINE_LFENCE: false });
    expect(derive(image, 'INDIRECT_THUNK_ITS', `e8${distance(5, 0xffffffffc0a00020n)}`)).toBe('on');
    expect(derive(image, 'INDIRECT_THUNK_ITS', 'ffd00f1f00')).toBe('off');
    expect(derive(image, 'INDIRECT_THUNK_ITS', 'cccccccccc')).toBeUndefined();
  });

  test('thunks: jmp *%reg; int3', () => {
    expect(thunkCode(0)).toEqual(hex('ffe0cc'));
    expect(thunkCode(7)).toEqual(hex('ffe7cc'));
    expect(thunkCode(11)).toEqual(hex('41ffe3cc'));
  });

  test('places: the upper half of each line, 32 bytes free at the start of a page', () => {
    const thunks = new ItsThunks();
    const offsets = Array.from({ length: 12 }, () => thunks.allocate(0).offset);
    expect(offsets).toEqual([32, 35, 38, 41, 44, 47, 50, 53, 56, 59, 96, 99]);
    expect(thunks.allocate(11)).toEqual({ page: 0, offset: 102, register: 11 });
    let last = thunks.allocate(0);
    while (last.page === 0) last = thunks.allocate(0);
    expect(last).toEqual({ page: 1, offset: 32, register: 0 });
  });
});
