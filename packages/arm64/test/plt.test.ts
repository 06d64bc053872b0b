import {
  parseConfiguration,
  parseKernel,
  type LinkagePlan,
  type LinkedRelocation,
  type Question,
} from '@kelp/core';
import { parseObjectFile, SHT_RELA, type ObjectFile } from '@kelp/core/elf';
import { describe, expect, test } from 'vitest';
import { encodePltEntry, isForbiddenForAdrp, PltBuilder } from '../src/plt-entries.ts';
import { planPlts } from '../src/plt-planning.ts';
import { fixture, fixtureBytes, machine, testImage, toWords, words, type TestImage } from './test-image.ts';

const kernelText = 0xffff_a853_d904_e9f8n;

describe('entries', () => {
  // Memory of a 6.1 kernel: aegis128 calls kernel_neon_begin() and memcpy(); its trampolines for ftrace.
  test.each([
    ['kernel_neon_begin', 0xffff_c428_5661_7370n, 0xffff_c427_fa79_cf40n, 'f02df3d0 910dc210 d61f0200'],
    ['__memcpy', 0xffff_c428_5728_e460n, 0xffff_c427_fa79_cf4cn, 'd02e5790 91118210 d61f0200'],
    ['ftrace_caller', 0xffff_c428_5662_d07cn, 0xffff_c427_fa79_cff4n, 'b02df490 9101f210 d61f0200'],
    ['ftrace_regs_caller', 0xffff_c428_5662_d018n, 0xffff_c427_fa79_d000n, '902df490 91006210 d61f0200'],
    ['out of reach of ADRP', 0n, 0xffff_a853_d900_0000n, 'd4202000 91000210 d61f0200'],
  ])('%s', (_name, target, place, expected) => {
    expect(toWords(encodePltEntry(target, place))).toBe(expected);
  });

  test('the last two instructions of a page are not for ADRP', () => {
    expect([0xff4n, 0xff8n, 0xffcn, 0x1000n].map(isForbiddenForAdrp)).toEqual([false, true, true, false]);
  });
});

function builder(
  address: bigint,
  entries: number,
  most: number,
  affected = false,
): { readonly plt: PltBuilder; readonly image: TestImage } {
  const image = testImage({ sections: [{ name: '.plt', address, bytes: new Uint8Array(entries * 12) }] });
  const [section] = image.sections;
  if (section === undefined) throw new Error('no section');
  return { plt: new PltBuilder(image, section, most, affected), image };
}

function targetAt(index: number): bigint {
  return 0x4000_0000n + BigInt(index * 0x1000);
}

describe('filling .plt', () => {
  const start = 0x1_0000n;

  test('neighbors with one target share an entry, others do not', () => {
    const { plt, image } = builder(start, 4, 3);
    const addresses = [1, 1, 2, 1].map((index) => plt.entryFor(targetAt(index)));
    expect(addresses).toEqual([start, start, start + 12n, start + 24n]);
    // adrp x16, .+0x3fff1000, .+0x3fff2000, .+0x3fff1000
    const [first, second] = ['b01fff90 91000210 d61f0200', 'd01fff90 91000210 d61f0200'];
    expect(image.words(start, 36)).toBe(`${first} ${second} ${first}`);
  });

  test('a duplicate stays behind the last entry', () => {
    const { plt, image } = builder(start, 2, 1);
    plt.entryFor(targetAt(1));
    plt.entryFor(targetAt(1));
    expect(image.words(start + 12n, 12)).toBe(image.words(start, 12));
    expect(image.writes).toEqual(['plt 0x10000', 'plt 0x1000c']);
  });

  test('a duplicate is seen across pages', () => {
    const { plt } = builder(0xff4n, 3, 2);
    expect(plt.entryFor(targetAt(1))).toBe(0xff4n);
    expect(plt.entryFor(targetAt(1))).toBe(0xff4n);
  });

  test('no more than were counted', () => {
    const { plt } = builder(start, 2, 1);
    expect(plt.entryFor(targetAt(1))).toBe(start);
    expect(plt.entryFor(targetAt(2))).toBeUndefined();
    expect(plt.entryFor(targetAt(3))).toBeUndefined();
  });

  test('erratum 843419: slots at the end of a page are skipped', () => {
    // 0x1000 - 8 = 0xff8
    const { plt, image } = builder(0xfecn, 4, 3, true);
    expect(plt.entryFor(targetAt(1))).toBe(0xfecn);
    expect(plt.entryFor(targetAt(2))).toBe(0x1004n);
    expect(image.words(0xff8n, 12)).toBe('00000000 00000000 00000000');
    expect(plt.entryFor(targetAt(2))).toBe(0x1004n);
    expect(plt.entryFor(targetAt(3))).toBeUndefined();
  });

  test('erratum 843419: a veneer loads the page and goes on behind the ADRP', () => {
    const { plt, image } = builder(start, 3, 2, true);
    // ADRP X3
    expect(plt.veneerFor(0x9000_0003, 0x2_0ff8n, 0x5_0000n)).toBe(start);
    // adrp x3, .+0x40000; add x3, x3, #0; b 0x20ffc
    expect(image.words(start, 12)).toBe('90000203 91000063 140043fd');
    expect(image.writes).toEqual(['veneer 0x10000']);
    expect(plt.veneerFor(0x9000_0003, 0x2_0ff8n, 0x5_0000n)).toBe(start + 12n);
    expect(plt.veneerFor(0x9000_0003, 0x2_0ff8n, 0x5_0000n)).toBeUndefined();
  });

  test('erratum 843419: veneers skip slots, too', () => {
    const { plt } = builder(0xff8n, 3, 2, true);
    expect(plt.veneerFor(0x9000_0003, 0x2_0ff8n, 0x5_0000n)).toBe(0x1004n);
  });
});

type PlannedSection = { readonly size: number | undefined; readonly alignment: number | undefined };

function planned(
  name: string,
  release: string,
  { config, affected }: { readonly config?: string; readonly affected?: boolean } = {},
): {
  readonly plan: LinkagePlan;
  readonly section: (name: string) => PlannedSection | undefined;
} {
  const object = fixture(name);
  const kernel = parseKernel(release, config === undefined ? undefined : parseConfiguration(config));
  const plan = planPlts(
    object,
    kernel,
    machine(affected === undefined ? {} : { WORKAROUND_843419: affected }),
  );
  return {
    plan,
    section: (section) => {
      const change = plan.sections.get(object.section(section)?.index ?? -1);
      return change === undefined ? undefined : { size: change.size, alignment: change.alignment };
    },
  };
}

describe('planning', () => {
  // hello: branches of .text to six symbols elsewhere, some of them called twice.
  test('room for one entry per target and kind of branch, and one more', () => {
    const { section, plan } = planned('hello-7.3.ko', '7.3');
    const object = fixture('hello-7.3.ko');
    const needed = (target: string): number => {
      const table = object.sections.find(
        (one) => one.type === SHT_RELA && object.sections[one.info]?.name === target,
      );
      const records = table === undefined ? undefined : object.relocations(table);
      const symbols = object.symbols();
      const keys = new Set<string>();
      for (let index = 0; index < (records?.count ?? 0); index++) {
        const type = records?.type(index) ?? 0;
        const symbol = records?.symbol(index) ?? 0;
        if ((type === 282 || type === 283) && symbols?.sectionIndex(symbol) !== object.section(target)?.index)
          keys.add(`${type} ${symbol}`);
      }
      return keys.size;
    };
    expect(needed('.text')).toBeGreaterThan(3);
    expect(section('.plt')).toEqual({
      size: 12 * (needed('.text') + needed('.exit.text') + 1),
      alignment: 64,
    });
    expect(section('.init.plt')).toEqual({ size: 12 * (needed('.init.text') + 1), alignment: 64 });
    expect(plan.textPrefix).toBe(0);
    for (const name of ['.plt', '.init.plt', '.text.ftrace_trampoline', '.init.text.ftrace_trampoline']) {
      expect(plan.sections.get(object.section(name)?.index ?? -1)).toMatchObject({
        noBits: true,
        executable: true,
      });
    }
  });

  test.each([
    ['hello-5.10.ko', '5.10', 24, undefined],
    ['hello-6.1.ko', '6.1', 24, undefined],
    ['hello-6.12.ko', '6.12.107', 12, 12],
    ['hello-7.3.ko', '7.3', 12, 12],
  ])('trampolines in %s', (name, release, text, init) => {
    const { section } = planned(name, release);
    expect(section('.text.ftrace_trampoline')).toEqual({ size: text, alignment: 4 });
    expect(section('.init.text.ftrace_trampoline')?.size).toBe(init);
  });

  test('a kernel before 6.5 at a fixed address counts and sorts nothing', () => {
    const config = 'CONFIG_ARM64_MODULE_PLTS=y';
    const { section, plan } = planned('hello-6.1.ko', '6.1', { config });
    expect(section('.plt')).toEqual({ size: 12, alignment: 64 });
    expect(plan.order.size).toBe(0);
    expect(
      planned('hello-6.1.ko', '6.1', { config: `${config}\nCONFIG_RANDOMIZE_BASE=y` }).plan.order.size,
    ).toBeGreaterThan(0);
    expect(planned('hello-7.3.ko', '7.3', { config: '' }).plan.order.size).toBeGreaterThan(0);
  });

  test('branches come first, sorted by type, symbol and addend; nothing is lost', () => {
    const { plan } = planned('hello-7.3.ko', '7.3');
    const object = fixture('hello-7.3.ko');
    const symbols = object.symbols();
    expect(plan.order.size).toBeGreaterThan(0);
    for (const [index, order] of plan.order) {
      const section = object.sections[index];
      const records = section === undefined ? undefined : object.relocations(section);
      expect([...order].toSorted((a, b) => a - b)).toEqual([...order.keys()]);
      const key = (record: number): string => {
        const [type, symbol] = [records?.type(record) ?? 0, records?.symbol(record) ?? 0];
        const leaves = (type === 282 || type === 283) && symbols?.rawSectionIndex(symbol) !== section?.info;
        return leaves ? `0 ${type} ${String(symbol).padStart(6, '0')}` : '1';
      };
      const keys = [...order].map(key);
      // The record where the two ends of the partition meet may be left out.
      const sorted = keys.slice(0, keys.indexOf('1') === -1 ? keys.length : keys.indexOf('1'));
      expect(sorted).toEqual(sorted.toSorted());
      expect(sorted.length).toBeGreaterThan(0);
    }
  });

  test('erratum 843419 raises the alignment of text with ADRP', () => {
    const before = planned('hello-7.3.ko', '7.3', { affected: false });
    const after = planned('hello-7.3.ko', '7.3', { affected: true });
    expect(before.section('.text')).toBeUndefined();
    // The highest lowest zero bit of an ADRP offset above bit 2.
    const object = fixture('hello-7.3.ko');
    const table = object.sections.find(
      ({ info, type }) => type === SHT_RELA && object.sections[info]?.name === '.text',
    );
    const records = table === undefined ? undefined : object.relocations(table);
    const alignments = Array.from({ length: records?.count ?? 0 }, (_, index) => index)
      .filter((index) => records?.type(index) === 275)
      .map((index) => {
        const bits = ((records?.offset(index) ?? 0) | 7).toString(2);
        return 2 ** (bits.length - bits.lastIndexOf('0'));
      });
    expect(after.section('.text')).toEqual({ size: undefined, alignment: Math.max(...alignments) });
    // One slot of slack in each of .text and .exit.text, .init.text.
    expect(after.section('.plt')?.size).toBeGreaterThan(before.section('.plt')?.size ?? 0);
  });
});

const nothing: LinkedRelocation = {
  type: 257,
  symbol: 1,
  symbolName: 'symbol',
  external: true,
  other: 0,
  S: kernelText,
  A: 0n,
  P: 0xffff_a853_0000_0000n,
};

/** A linker over made-up memory; its counts are those of the hello fixture. */
function link(
  release: string,
  affected: boolean | undefined,
  textEnd = 0x2000n,
): { readonly image: TestImage; readonly letters: (relocation: Partial<LinkedRelocation>) => unknown } {
  const name = `hello-${release}.ko`;
  const { plan } = planned(name, release, affected === undefined ? {} : { affected });
  const object = fixture(name);
  const base = 0xffff_a853_0000_0000n;
  const image = testImage({ release, sections: [] });
  const plt = new Uint8Array(plan.sections.get(object.section('.plt')?.index ?? -1)?.size ?? 0);
  const sections = [
    {
      index: 900,
      name: '.text',
      address: base,
      bytes: words(Array.from({ length: Number(textEnd) / 4 }, () => '90000005').join(' ')),
      init: false,
    },
    {
      index: object.section('.plt')?.index ?? -1,
      name: '.plt',
      address: base + textEnd,
      bytes: plt,
      init: false,
    },
    { index: 901, name: '.init.text', address: base + 0x1_0000n, bytes: new Uint8Array(0x1000), init: true },
    {
      index: object.section('.init.plt')?.index ?? -1,
      name: '.init.plt',
      address: base + 0x1_1000n,
      bytes: new Uint8Array(24),
      init: true,
    },
  ];
  const memory = testImage({ release, sections });
  const placed = {
    ...memory,
    sections: sections.map(({ bytes, ...one }) => ({ ...one, size: bytes.length })),
  };
  const linker = plan.link(placed);
  expect(image.sections).toEqual([]);
  return { image: memory, letters: (relocation) => linker.letters({ ...nothing, ...relocation }) };
}

describe('linking', () => {
  const base = nothing.P;

  test('other types need no letters', () => {
    expect(link('7.3', false).letters({})).toEqual({ kind: 'letters', letters: {} });
  });

  test('a branch in reach goes to its destination, one out of reach through .plt', () => {
    const { letters } = link('7.3', false);
    const near = base + 128n * 0x10_0000n - 4n;
    expect(letters({ type: 283, S: near })).toEqual({ kind: 'letters', letters: { D: near } });
    expect(letters({ type: 283, S: near, A: 4n })).toEqual({
      kind: 'letters',
      letters: { D: base + 0x2000n },
    });
    expect(letters({ type: 282, S: base - 128n * 0x10_0000n })).toMatchObject({
      letters: { D: base - 128n * 0x10_0000n },
    });
    expect(letters({ type: 282, S: base - 128n * 0x10_0000n - 4n })).toMatchObject({
      letters: { D: base + 0x200cn },
    });
  });

  test('init text has its own entries', () => {
    expect(link('7.3', false).letters({ type: 283, P: base + 0x1_0000n })).toMatchObject({
      letters: { D: base + 0x1_1000n },
    });
  });

  test('a module is refused when entries run out', () => {
    const { letters } = link('7.3', false);
    const results = Array.from({ length: 40 }, (_, index) =>
      letters({ type: 283, S: kernelText + BigInt(index * 4) }),
    );
    expect(results.at(-1)).toMatchObject({ kind: 'refused', errno: 'ENOEXEC' });
  });

  test('erratum 843419: ADRP becomes ADR where that reaches', () => {
    const { letters, image } = link('7.3', true);
    const place = base + 0xff8n;
    expect(letters({ type: 275, P: place, S: base + 0x5123n })).toEqual({ kind: 'written' });
    // adr x5, .+0x4008
    expect(image.words(place, 4)).toBe('10020045');
    expect(image.writes).toEqual([`relocation 0x${place.toString(16)}`]);
  });

  test('erratum 843419: otherwise it becomes a branch to a veneer', () => {
    const { letters, image } = link('7.3', true);
    const place = base + 0xffcn;
    expect(letters({ type: 276, P: place, S: base + 0x4000_0123n })).toEqual({ kind: 'written' });
    expect(image.words(place, 4)).toBe('14000401');
    // adrp x5, .+0x3fffe000; add x5, x5, #0; b place + 4
    expect(image.words(base + 0x2000n, 12)).toBe('d01fffe5 910000a5 17fffbfe');
  });

  test('erratum 843419: elsewhere, and on other CPUs, ADRP stays', () => {
    const letters = { kind: 'letters', letters: {} };
    expect(link('7.3', true).letters({ type: 275, P: base + 0xff4n, S: base })).toEqual(letters);
    expect(link('7.3', false).letters({ type: 275, P: base + 0xff8n, S: base })).toEqual(letters);
  });

  test('erratum 843419: memory tells about a machine that is not described', () => {
    const { letters, image } = link('7.3', undefined);
    const asked = image.questions.length;
    letters({ type: 275, P: base + 0xff4n });
    expect(image.questions).toHaveLength(asked);
    letters({ type: 275, P: base + 0xff8n });
    const question = image.questions[asked];
    expect(question).toMatchObject({
      kind: 'feature',
      id: 'WORKAROUND_843419',
      address: base + 0xff8n,
      decidesLayout: true,
    });
    const derive = (text: string): string | undefined => question?.derive?.(words(text), () => undefined);
    expect(['90000005', '10020045', '14000401', 'd503201f'].map(derive)).toEqual([
      'off',
      'on',
      'on',
      undefined,
    ]);
  });
});

describe('erratum 843419: the layout of a module without an ADRP at the end of a page', () => {
  const questionsOf = (affected: boolean | undefined): readonly Question[] =>
    link('7.3', affected).image.questions;

  test('depends on it, and nothing in its memory tells', () => {
    const [question, ...others] = questionsOf(undefined);
    expect(others).toEqual([]);
    expect(question).toMatchObject({ kind: 'feature', id: 'WORKAROUND_843419', decidesLayout: true });
    expect(question?.candidates.map(({ answer }) => answer)).toEqual(['off']);
    expect(question?.derive?.(new Uint8Array(0), () => undefined)).toBeUndefined();
  });

  test('is known where the machine is described', () => {
    expect(questionsOf(true)).toEqual([]);
    expect(questionsOf(false)).toEqual([]);
  });
});

/** The fixture with other names for `.plt` and `.init.plt`, which share their characters. */
function withoutPlt(): ObjectFile {
  const bytes = Uint8Array.from(fixtureBytes('hello-6.1.ko'));
  const at = Buffer.from(bytes).indexOf('.init.plt\0');
  bytes.set(Buffer.from('.init.pxx'), at);
  return parseObjectFile(bytes);
}

describe('modules without PLT', () => {
  const relocation = { ...nothing, type: 283 };

  test('branch directly before 6.5', () => {
    const plan = planPlts(withoutPlt(), parseKernel('6.1'), machine());
    const image = testImage({ sections: [] });
    expect(plan.sections.size).toBe(0);
    expect(plan.link(image).letters(relocation)).toEqual({ kind: 'letters', letters: { D: kernelText } });
  });

  test.each([
    ['6.5', undefined],
    ['7.3', undefined],
    ['6.1', 'CONFIG_ARM64_MODULE_PLTS=y'],
  ])('are refused by %s (%s)', (release, config) => {
    const kernel = parseKernel(release, config === undefined ? undefined : parseConfiguration(config));
    const plan = planPlts(withoutPlt(), kernel, machine());
    expect(plan.link(testImage({ sections: [] })).letters(relocation)).toMatchObject({
      kind: 'refused',
      errno: 'ENOEXEC',
    });
  });
});
