import { parseConfiguration } from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { patchShadowCallStack } from '../src/shadow-call-stack.ts';
import { signedPlaces, type FrameRules } from '../src/unwind-tables.ts';
import { little, testImage, words, type TestImage } from './test-image.ts';

const text = 0xffff_a853_0000_1000n;
const table = 0xffff_a853_0000_8000n;

const negate = 0x2d;
const endOfTable = [0, 0, 0, 0];

function padded(bytes: readonly number[]): readonly number[] {
  return [...bytes, ...Array.from({ length: (4 - (bytes.length % 4)) % 4 }, () => 0)];
}

/** A frame description: length, contents. */
function record(bytes: readonly number[]): readonly number[] {
  const contents = padded(bytes);
  return [...little(BigInt(contents.length), 4), ...contents];
}

interface Header {
  readonly augmentation?: string;
  readonly factor?: number;
  readonly dataFactor?: number;
  readonly register?: number;
  readonly size?: number;
  readonly pointers?: number;
}

function header(one: Header = {}): readonly number[] {
  const {
    augmentation = 'zR',
    factor = 1,
    dataFactor = 0x78,
    register = 30,
    size = 1,
    pointers = 0x1b,
  } = one;
  // CIE: ID 0, version 1; DW_CFA_def_cfa SP, 0 behind.
  return record([
    0,
    0,
    0,
    0,
    1,
    ...Buffer.from(`${augmentation}\0`),
    factor,
    dataFactor,
    register,
    size,
    pointers,
    0x0c,
    31,
    0,
  ]);
}

/** FDE of code that starts at an address; `at` is the record's offset in the table. */
function frame(
  at: number,
  start: bigint,
  operations: readonly number[],
  width = 4,
  augmentation: readonly number[] = [0],
): readonly number[] {
  const distance = start - (table + BigInt(at) + 8n);
  return record([
    ...little(BigInt(at + 4), 4),
    ...little(distance, width),
    ...little(64n, width),
    ...augmentation,
    ...operations,
  ]);
}

function placesIn(
  bytes: readonly number[],
  headers: FrameRules['headers'] = 'required',
): { readonly places: readonly string[]; readonly damaged: boolean } {
  const { places, damaged } = signedPlaces(Uint8Array.from(bytes), table, { headers });
  return { places: places.map((place) => `${place - text}`), damaged };
}

const first = header();

/** One frame behind a header. */
function tableOf(operations: readonly number[], description = first, width = 4): readonly number[] {
  return [...description, ...frame(description.length, text, operations, width), ...endOfTable];
}

describe('unwind tables', () => {
  test('the place is the instruction before the state changes', () => {
    expect(placesIn(tableOf([0x44, negate, 0x4c, negate]))).toEqual({ places: ['0', '12'], damaged: false });
  });

  test.each([
    ['DW_CFA_advance_loc1', [0x02, 0x80, negate], '124'],
    ['DW_CFA_advance_loc2', [0x03, 0x04, 0x01, negate], '256'],
    ['DW_CFA_advance_loc4', [0x04, 0x04, 0x00, 0x01, 0x00, negate], '65536'],
    ['DW_CFA_offset', [0x44, 0x9d, 0x82, 0x01, negate], '0'],
    ['DW_CFA_restore', [0x44, 0xdd, negate], '0'],
    ['DW_CFA_def_cfa_offset', [0x44, 0x0e, 0xa0, 0x01, negate], '0'],
    ['DW_CFA_def_cfa', [0x44, 0x0c, 0x1d, 0x10, negate], '0'],
    ['DW_CFA_offset_extended', [0x44, 0x05, 0x85, 0x01, 0x10, negate], '0'],
    ['DW_CFA_def_cfa_register', [0x44, 0x0d, 0x1d, negate], '0'],
    ['DW_CFA_same_value', [0x44, 0x08, 0x1d, negate], '0'],
    ['DW_CFA_remember_state, DW_CFA_restore_state, DW_CFA_nop', [0x44, 0x0a, 0x0b, 0x00, negate], '0'],
  ])('%s', (_name, operations, place) => {
    expect(placesIn(tableOf(operations))).toEqual({ places: [place], damaged: false });
  });

  test('an operation that the kernel does not know damages the frame and those behind it', () => {
    // DW_CFA_def_cfa_expression
    const bad = frame(first.length, text, [0x44, negate, 0x0f, 0]);
    const good = frame(first.length + bad.length, text, [0x44, negate]);
    expect(placesIn([...first, ...bad, ...good])).toEqual({ places: [], damaged: true });
    const before = frame(first.length, text, [0x44, negate]);
    const behind = frame(first.length + before.length, text, [0x0f]);
    expect(placesIn([...first, ...before, ...behind])).toEqual({ places: ['0'], damaged: true });
  });

  test('code alignment and width of pointers come from the header', () => {
    expect(placesIn(tableOf([0x41, negate], header({ factor: 4 })))).toEqual({
      places: ['0'],
      damaged: false,
    });
    expect(placesIn(tableOf([0x44, negate], header({ pointers: 0x1c }), 8))).toEqual({
      places: ['0'],
      damaged: false,
    });
  });

  test('an older kernel forgets them', () => {
    expect(placesIn(tableOf([0x41, negate], header({ factor: 4 })), 'ignored')).toEqual({
      places: ['-3'],
      damaged: false,
    });
    expect(placesIn(tableOf([0x44, negate], header({ augmentation: 'zPR' })), 'ignored')).toEqual({
      places: ['0'],
      damaged: false,
    });
  });

  test.each<Header>([
    { augmentation: 'zPR' },
    { augmentation: '' },
    { factor: 0x80 },
    { dataFactor: 0x80 },
    { register: 29 },
    { size: 2 },
    { pointers: 0x00 },
  ])('a header with %j is not read', (description) => {
    expect(placesIn(tableOf([0x44, negate], header(description)))).toEqual({ places: [], damaged: true });
  });

  test('augmentation data is skipped, long data is not read', () => {
    const skipped = [...first, ...frame(first.length, text, [0x44, negate], 4, [2, 0x0f, 0x0f])];
    expect(placesIn(skipped)).toEqual({ places: ['0'], damaged: false });
    expect(placesIn([...first, ...frame(first.length, text, [], 4, [0x80])])).toEqual({
      places: [],
      damaged: true,
    });
  });

  test('a table ends with a length of 0, or one that is too large', () => {
    expect(placesIn([...first, ...endOfTable, ...frame(0, text, [0x44, negate])]).places).toEqual([]);
    expect(placesIn([...first, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]).places).toEqual([]);
    expect(placesIn([...first, 0x40, 0, 0, 0, 1, 0, 0, 0]).places).toEqual([]);
    expect(placesIn([])).toEqual({ places: [], damaged: false });
  });
});

const paciasp = 'd503233f';
const autiasp = 'd50323bf';
const frameless = 'd65f03c0';
const operations = [0x44, negate, 0x48, negate, 0x44, negate];

interface Case {
  readonly release?: string;
  readonly operations?: readonly number[];
  readonly features?: Readonly<Record<string, boolean>>;
  readonly answers?: Readonly<Record<string, string>>;
  readonly config?: string;
}

function run(input: Case): { readonly image: TestImage; readonly errno: string | undefined } {
  const { config, operations: some = operations, ...rest } = input;
  const image = testImage({
    ...rest,
    ...(config === undefined ? {} : { configuration: parseConfiguration(config) }),
    sections: [
      { name: '.text', address: text, bytes: words(`${paciasp} d503201f ${autiasp} ${frameless}`) },
      { name: '.init.eh_frame', address: table, bytes: Uint8Array.from(tableOf(some)), init: true },
    ],
  });
  return { image, errno: patchShadowCallStack(image)?.errno };
}

describe('shadow call stack', () => {
  const on = { dynamic_scs_enabled: true };
  // str x30, [x18], #8; ldr x30, [x18, #-8]!
  const patched = `f800865e d503201f f85f8e5e ${frameless}`;
  const asInTheFile = `${paciasp} d503201f ${autiasp} ${frameless}`;

  test.each(['6.2', '6.12', '7.3'])('%s pushes and pops instead of signing', (release) => {
    const { image } = run({ release, features: on });
    expect(image.words(text, 16)).toBe(patched);
    expect(image.writes).toEqual([
      `shadow-call-stack 0x${text.toString(16)}`,
      `shadow-call-stack 0x${(text + 8n).toString(16)}`,
    ]);
  });

  test('a CPU that signs keeps its instructions', () => {
    expect(run({ features: { dynamic_scs_enabled: false } }).image.words(text, 16)).toBe(asInTheFile);
    expect(run({ features: on, config: 'CONFIG_UNWIND_TABLES=y' }).image.words(text, 16)).toBe(asInTheFile);
    expect(run({ features: on, config: 'CONFIG_UNWIND_PATCH_PAC_INTO_SCS=y' }).image.words(text, 16)).toBe(
      patched,
    );
  });

  test('each instruction tells whether it is on', () => {
    const { image } = run({});
    expect(image.questions.map(({ id, address }) => [id, address])).toEqual([
      ['dynamic_scs_enabled', text],
      ['dynamic_scs_enabled', text + 8n],
    ]);
    expect(image.words(text, 16)).toBe(asInTheFile);
    expect(run({ answers: { dynamic_scs_enabled: 'on' } }).image.words(text, 16)).toBe(patched);
  });

  test.each([
    ['6.17', undefined],
    ['6.18', 'ENOEXEC'],
    ['7.3', 'ENOEXEC'],
  ])('%s and a damaged table', (release, errno) => {
    expect(run({ release, operations: [0x0f], features: on }).errno).toBe(errno);
    expect(
      run({ release, operations: [0x0f], features: { dynamic_scs_enabled: false } }).errno,
    ).toBeUndefined();
  });

  test('a module without tables', () => {
    expect(patchShadowCallStack(testImage({ sections: [], features: on }))).toBeUndefined();
  });
});
