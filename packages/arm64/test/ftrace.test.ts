import { parseConfiguration, type CodeSite } from '@kelp/core';
import { describe, expect, test } from 'vitest';
import { fillFtraceTrampolines } from '../src/ftrace-trampolines.ts';
import { ftraceSite } from '../src/ftrace.ts';
import { little, testImage, toWords, words, type TestImage } from './test-image.ts';

const text = 0xffff_a853_cbeb_8000n;
const ops = 0xffff_a853_da34_1358n;
const nop = 'd503201f';

interface Case {
  readonly release: string;
  readonly code: string;
  /** Offsets of the entries. */
  readonly entries: readonly number[];
  readonly config?: string;
  readonly symbols?: Readonly<Record<string, bigint>>;
  readonly answers?: Readonly<Record<string, string>>;
}

function traced({ code, entries, config, ...rest }: Case): TestImage {
  const table = entries.flatMap((entry) => little(text + BigInt(entry), 8));
  const sections = [
    { name: '.text', address: text, bytes: words(code) },
    { name: '__patchable_function_entries', address: text + 0x10_0000n, bytes: Uint8Array.from(table) },
  ];
  return testImage({
    ...rest,
    ...(config === undefined ? {} : { configuration: parseConfiguration(config) }),
    sections,
  });
}

function sites(one: Case): readonly string[] {
  const image = traced(one);
  const found = one.entries.flatMap((entry): readonly CodeSite[] =>
    ftraceSite.encode(image, text + BigInt(entry), 0),
  );
  return found.map(({ address, bytes, cause }) =>
    [`+${address - text}`, toWords(bytes), cause ?? []].flat().join(' '),
  );
}

const mov = 'aa1e03e9';
const pointer = 'da341358 ffffa853';

describe('call sites', () => {
  test('MOV X9, X30 takes the place of the first NOP', () => {
    expect(sites({ release: '6.1', code: `${nop} ${nop} d65f03c0`, entries: [0] })).toEqual([`+0 ${mov}`]);
  });

  test('before 6.3 four NOPs are no room for a pointer', () => {
    expect(sites({ release: '6.2', code: `${nop} ${nop} ${nop} ${nop}`, entries: [0] })).toEqual([
      `+0 ${mov}`,
    ]);
  });

  // Memory of a 7.3 kernel: the pointer in front of a function of aegis128.
  test.each(['6.12', '7.3'])('%s: a pointer stands in front of the function', (release) => {
    const one = {
      release,
      code: `${nop} ${nop} ${nop} ${nop} d503233f`,
      entries: [0],
      symbols: { ftrace_nop_ops: ops },
    };
    expect(sites(one)).toEqual([`+0 ${pointer}`, `+8 ${mov}`]);
  });

  test('BTI stays the first instruction', () => {
    const one = {
      release: '7.3',
      code: `${nop} ${nop} d503245f ${nop} ${nop}`,
      entries: [0],
      symbols: { ftrace_nop_ops: ops },
    };
    expect(sites(one)).toEqual([`+0 ${pointer}`, `+12 ${mov}`]);
  });

  test('a kernel that lists no data symbols is asked for the pointer', () => {
    const one = { release: '7.3', code: `${nop} ${nop} ${nop} ${nop}`, entries: [0] };
    expect(sites(one)).toEqual([`+8 ${mov}`]);
    expect(sites({ ...one, answers: { ftrace_nop_ops: `0x${ops.toString(16)}` } })).toEqual([
      `+0 ${pointer} kernel-chosen`,
      `+8 ${mov}`,
    ]);
    const image = traced(one);
    ftraceSite.encode(image, text, 0);
    const [question] = image.questions;
    expect(question).toMatchObject({ kind: 'kernel-chosen', id: 'ftrace_nop_ops', address: text });
    const derive = (bytes: string): string | undefined => question?.derive?.(words(bytes), () => undefined);
    expect(derive(pointer)).toBe('0xffffa853da341358');
    expect(derive(`${nop} ${nop}`)).toBeUndefined();
    expect(derive('da34135c ffffa853')).toBeUndefined();
  });

  test('a pointer needs an entry that is a multiple of 8', () => {
    const one = {
      release: '7.3',
      code: `${nop} ${nop} ${nop} ${nop} ${nop} ${nop}`,
      config: 'CONFIG_DYNAMIC_FTRACE_WITH_CALL_OPS=y',
      symbols: { ftrace_nop_ops: ops },
    };
    expect(sites({ ...one, entries: [4] })).toEqual([]);
    expect(sites({ ...one, entries: [8] })).toEqual([`+8 ${pointer}`, `+16 ${mov}`]);
  });

  test('the configuration decides; without it, what the compiler left at all entries', () => {
    // A function that begins with two jump labels, and one that does not.
    const code = `${nop} ${nop} ${nop} ${nop} ${nop} ${nop} d65f03c0 ${nop}`;
    const without = [`+0 ${mov}`, `+16 ${mov}`];
    expect(sites({ release: '7.3', code, entries: [0, 16] })).toEqual(without);
    expect(sites({ release: '7.3', code, entries: [0], config: 'CONFIG_DYNAMIC_FTRACE=y' })).toEqual([
      `+0 ${mov}`,
    ]);
  });

  test('what is no NOP stays', () => {
    expect(sites({ release: '6.1', code: `${mov} ${nop}`, entries: [0] })).toEqual([]);
    expect(sites({ release: '6.1', code: nop, entries: [0x100] })).toEqual([]);
  });
});

function filled(
  release: string,
  symbols: Readonly<Record<string, bigint>>,
  sections: readonly string[],
  config?: string,
) {
  const configuration = config === undefined ? {} : { configuration: parseConfiguration(config) };
  const places = sections.map((name, index) => ({
    name,
    address: 0xffff_c427_fa79_cff4n + BigInt(index * 0x100_0000),
    bytes: new Uint8Array(24),
  }));
  const image = testImage({ release, ...configuration, symbols, sections: places });
  const refusal = fillFtraceTrampolines(image);
  return { refusal, words: places.map(({ address }) => image.words(address, 24)), writes: image.writes };
}

describe('trampolines', () => {
  // Memory of a 6.1 kernel: aegis128.
  const symbols = { ftrace_caller: 0xffff_c428_5662_d07cn, ftrace_regs_caller: 0xffff_c428_5662_d018n };
  const caller = 'b02df490 9101f210 d61f0200';
  const zeros = '00000000 00000000 00000000';
  const [text_, init] = ['.text.ftrace_trampoline', '.init.text.ftrace_trampoline'];

  test('two before 6.2', () => {
    const { words: found, writes } = filled('6.1', symbols, [text_]);
    expect(found).toEqual([`${caller} 902df490 91006210 d61f0200`]);
    expect(writes).toEqual(['ftrace 0xffffc427fa79cff4', 'ftrace 0xffffc427fa79d000']);
  });

  test('one since, and one for init text', () => {
    expect(filled('6.12.45', symbols, [text_, init]).words).toEqual([
      `${caller} ${zeros}`,
      `${zeros} ${zeros}`,
    ]);
    // adrp x16 of a place 0x1000000 further on
    expect(filled('6.12.46', symbols, [text_, init]).words).toEqual([
      `${caller} ${zeros}`,
      `b02d7490 9101f210 d61f0200 ${zeros}`,
    ]);
  });

  test('none in a kernel without ftrace', () => {
    expect(filled('7.3', {}, [text_, init])).toMatchObject({ writes: [], refusal: undefined });
    expect(filled('7.3', {}, ['.plt'])).toMatchObject({ refusal: undefined });
  });

  test.each([
    ['7.3', ['.plt', init], undefined, text_],
    ['7.3', ['.plt', text_], undefined, init],
    ['7.3', ['.plt'], 'CONFIG_DYNAMIC_FTRACE=y', text_],
    ['6.1', ['.plt'], undefined, text_],
  ])('%s with %j refuses', (release, sections, config, missing) => {
    const { refusal } = filled(release, symbols, sections, config);
    expect(refusal?.errno).toBe('ENOEXEC');
    expect(refusal?.reason).toContain(` ${missing} `);
  });

  test('a module without PLT was made for a kernel without trampolines', () => {
    expect(filled('6.1', symbols, ['.text']).refusal).toBeUndefined();
    expect(filled('7.3', symbols, ['.plt'], 'CONFIG_FTRACE=y').refusal).toBeUndefined();
  });
});

/** Calls of a traced site as `ADDRESS TRACER: WORDS`, with what else changes. */
function calls(one: Case, entry = 0): readonly string[] {
  const image = traced(one);
  for (const { address, bytes, cause } of ftraceSite.encode(image, text + BigInt(entry), 0))
    image.write(address, bytes, cause ?? 'ftrace');
  const site = ftraceSite.traced?.(image, text + BigInt(entry), 0);
  expect(site === undefined ? nop : toWords(site.untraced)).toBe(nop);
  return (site?.calls() ?? []).map(({ tracer, bytes, others }) => {
    const more = (others?.() ?? []).map(({ address, bytes: also }) => ` +${address - text} ${toWords(also)}`);
    return `+${(site?.address ?? 0n) - text} ${tracer}: ${toWords(bytes)}${more.join('')}`;
  });
}

describe('traced functions', () => {
  const near = { ftrace_caller: text + 0x100_0000n, ftrace_regs_caller: text - 0x1000n };

  test('the second NOP becomes a BL', () => {
    // as: bl .+0xfffffc; bl .-0x1004
    const one = { release: '6.1', code: `${nop} ${nop}`, entries: [0], symbols: near };
    expect(calls(one)).toEqual(['+4 ftrace_caller: 943fffff', '+4 ftrace_regs_caller: 97fffbff']);
  });

  test('out of reach it calls the trampoline of the module', () => {
    const far = { ftrace_caller: text + 0x4000_0000n, ftrace_regs_caller: text + 0x4000_1000n };
    const [place, sections] = [text + 0x8000n, '.text.ftrace_trampoline'];
    const image = testImage({
      release: '6.1',
      symbols: far,
      sections: [
        { name: '.text', address: text, bytes: words(`${mov} ${nop}`) },
        { name: sections, address: place, bytes: new Uint8Array(24) },
      ],
    });
    const site = ftraceSite.traced?.(image, text, 0);
    // as: bl .+0x7ffc; bl .+0x8008: the entries have 12 bytes.
    expect(site?.calls().map(({ tracer, bytes }) => `${tracer}: ${toWords(bytes)}`)).toEqual([
      'ftrace_caller: 94001fff',
      'ftrace_regs_caller: 94002002',
    ]);
  });

  test('in a kernel with a pointer in front of the function, that changes with the call', () => {
    const one = {
      release: '7.3',
      code: `${nop} ${nop} d503245f ${nop} ${nop}`,
      entries: [0],
      symbols: { ftrace_nop_ops: ops, ftrace_caller: text + 0x100_0010n },
    };
    expect(calls(one)).toEqual(['+16 ftrace_caller: 94400000']);
    const answers = { [`ftrace_ops at 0x${text.toString(16)}`]: `0x${(ops + 8n).toString(16)}` };
    expect(calls({ ...one, answers })).toEqual(['+16 ftrace_caller: 94400000 +0 da341360 ffffa853']);
  });

  test('code that is not as ftrace makes it is no site', () => {
    expect(calls({ release: '6.1', code: `${nop} d65f03c0`, entries: [0], symbols: near })).toEqual([]);
    const config = 'CONFIG_DYNAMIC_FTRACE_WITH_CALL_OPS=y';
    const code = `${nop} ${nop} ${nop} ${nop} ${nop}`;
    expect(calls({ release: '7.3', code, config, entries: [4], symbols: near }, 4)).toEqual([]);
  });
});
