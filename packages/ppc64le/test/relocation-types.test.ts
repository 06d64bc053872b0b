import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  applyRelocation,
  clearRelocation,
  parseKernel,
  readContainer,
  relocationRule,
  type Kernel,
} from '@kelp/core';
import { ppc64le } from '@kelp/ppc64le';
import { apply, pcrelKernel, ruleOf, tocKernel, type Case } from './apply.ts';

const place = 0xc008_0000_0034_0000n;
const toc = 0xc008_0000_004c_8000n;

function accepted(kernel: Kernel): readonly string[] {
  const rows = ppc64le.relocationTypes.filter((type) => {
    const rule = relocationRule(type, kernel);
    return rule !== undefined && rule.verdict !== 'refused';
  });
  return rows.map(({ name }) => name.replace('R_PPC64_', '')).toSorted();
}

describe('the table', () => {
  it('has a row for every type that binutils or the ABI names', () => {
    const numbers = new Set(ppc64le.relocationTypes.map(({ number }) => number));
    const unnamed = Array.from({ length: 256 }, (_value, number) => number).filter(
      (number) => !numbers.has(number),
    );
    const reserved = Array.from({ length: 88 }, (_value, index) => 152 + index);
    expect(unnamed).toEqual([18, 23, 32, 125, 126, 127, ...reserved, 255]);
    expect(numbers.size).toBe(161);
  });

  const always = ['ADDR32', 'ADDR64', 'ENTRY', 'REL16_HA', 'REL16_LO', 'REL24', 'REL32', 'REL64'];
  const tocTypes = ['TOC', 'TOC16', 'TOC16_DS', 'TOC16_HA', 'TOC16_LO', 'TOC16_LO_DS', 'TOCSAVE'];

  it.each(['5.10', '6.1', '6.12', '7.2', '7.3'])(
    'accepts the TOC and no pc-relative instruction in %s',
    (release) => {
      expect(accepted(parseKernel(release))).toEqual([...always, ...tocTypes].toSorted());
    },
  );

  it('accepts pc-relative instructions and no TOC with PPC_KERNEL_PCREL', () => {
    expect(accepted(pcrelKernel)).toEqual([...always, 'GOT_PCREL34', 'PCREL34', 'REL24_NOTOC'].toSorted());
  });

  it('ignores R_PPC64_ENTRY with PPC_KERNEL_PCREL, and R_PPC64_TOCSAVE without', () => {
    expect(ruleOf('R_PPC64_ENTRY', pcrelKernel).verdict).toBe('ignored');
    expect(ruleOf('R_PPC64_TOCSAVE').verdict).toBe('ignored');
  });

  it('refuses R_PPC64_NONE', () => {
    expect(apply('R_PPC64_NONE', { before: '', letters: {} }).outcome).toMatchObject({
      status: 'refused',
      errno: 'ENOEXEC',
    });
  });
});

interface Vector extends Case {
  readonly name: string;
  readonly what: string;
  readonly after: string;
}

const vectors: readonly Vector[] = [
  {
    name: 'R_PPC64_ADDR32',
    what: 'is cut off without a check',
    before: 'ffffffff',
    letters: { S: 0xc008_0000_1234_5670n, A: 8n },
    after: '78563412',
  },
  {
    name: 'R_PPC64_ADDR64',
    what: 'overwrites what is there',
    before: 'ffffffffffffffff',
    letters: { S: 0xc008_0000_1234_5670n, A: 8n },
    after: '78563412000008c0',
  },
  {
    name: 'R_PPC64_REL32',
    what: 'takes the lowest distance',
    before: '00000000',
    letters: { S: place - 0x8000_0000n, P: place },
    after: '00000080',
  },
  {
    name: 'R_PPC64_REL64',
    what: 'counts from the place',
    before: '0000000000000000',
    letters: { S: toc, A: -8n, P: toc + 8n },
    after: 'f0ffffffffffffff',
  },
  {
    name: 'R_PPC64_REL16_HA',
    what: 'rounds up for a negative low half, and keeps the opcode',
    before: '00004c3c',
    letters: { S: place + 0x1_8000n, P: place },
    after: '02004c3c',
  },
  {
    name: 'R_PPC64_REL16_LO',
    what: 'keeps the opcode',
    before: '00004238',
    letters: { S: place + 0x1_8000n, P: place },
    after: '00804238',
  },
  {
    name: 'R_PPC64_TOC16',
    what: 'takes the lowest distance',
    before: '00006238',
    letters: { S: toc - 0x8000n, TOC: toc },
    after: '00806238',
  },
  {
    name: 'R_PPC64_TOC16_HA',
    what: 'is negative below the TOC pointer',
    before: '0000623c',
    letters: { S: toc - 0x8001n, TOC: toc },
    after: 'ffff623c',
  },
  {
    name: 'R_PPC64_TOC16_LO',
    what: 'is not checked',
    before: '00006238',
    letters: { S: toc + 0x1234_5679n, TOC: toc },
    after: '79566238',
  },
  {
    name: 'R_PPC64_TOC',
    what: 'ignores symbol and addend',
    before: '0000000000000000',
    letters: { S: 1n, A: 1n, TOC: toc },
    after: '00804c00000008c0',
  },
  {
    name: 'R_PPC64_TOC16_DS',
    what: 'keeps the two opcode bits of ldu',
    before: '010062e8',
    letters: { S: toc + 0x7ffcn, TOC: toc },
    after: 'fd7f62e8',
  },
  {
    name: 'R_PPC64_TOC16_LO_DS',
    what: 'drops the high half',
    before: 'feffe2eb',
    letters: { S: toc + 0x1_2344n, TOC: toc },
    after: '4623e2eb',
  },
  {
    name: 'R_PPC64_REL24',
    what: 'reaches 32 MiB back, and keeps opcode and LK',
    before: 'fdffff4b',
    letters: { D: place - 0x200_0000n, P: place },
    after: '0100004a',
  },
  {
    name: 'R_PPC64_REL24',
    what: 'reaches almost 32 MiB ahead',
    before: '01000048',
    letters: { D: place + 0x1ff_fffcn, P: place },
    after: 'fdffff49',
  },
  {
    name: 'R_PPC64_REL24_NOTOC',
    what: 'is a plain branch',
    kernel: pcrelKernel,
    before: '01000048',
    letters: { D: place + 0x100n, P: place },
    after: '01010048',
  },
  {
    name: 'R_PPC64_REL24',
    what: 'leaves the next word alone with PPC_KERNEL_PCREL',
    kernel: pcrelKernel,
    before: '0100004878563412',
    letters: { D: place + 0x100n, P: place },
    symbol: { name: 'printk', external: true },
    after: '0101004878563412',
  },
  {
    name: 'R_PPC64_PCREL34',
    what: 'takes the lowest distance, in the prefix word',
    kernel: pcrelKernel,
    before: 'ffff1306ffffe03b',
    letters: { S: place - 0x2_0000_0000n, P: place },
    after: '000012060000e03b',
  },
  {
    name: 'R_PPC64_PCREL34',
    what: 'is split between the words',
    kernel: pcrelKernel,
    before: '0000100600006038',
    letters: { S: place + 0x1_2345_6789n, P: place },
    after: '4523110689676038',
  },
  {
    name: 'R_PPC64_GOT_PCREL34',
    what: 'is the distance to the slot',
    kernel: pcrelKernel,
    before: '00001004000060e4',
    letters: { G: 0xc008_0000_004c_0000n, O: 8n, P: 0xc008_0000_004b_f008n },
    after: '00001004001060e4',
  },
];

describe('a relocation that fits', () => {
  it.each(vectors)('$name $what', ({ name, after, ...test }) => {
    expect(apply(name, test)).toMatchObject({ after, outcome: { status: 'applied' } });
  });
});

const refusals: readonly (Case & { readonly name: string; readonly what: string })[] = [
  {
    name: 'R_PPC64_REL32',
    what: 'below its range',
    before: '00000000',
    letters: { S: place - 0x8000_0001n, P: place },
  },
  {
    name: 'R_PPC64_REL32',
    what: 'above its range',
    before: '00000000',
    letters: { S: place + 0x8000_0000n, P: place },
  },
  {
    name: 'R_PPC64_TOC16',
    what: 'below its range',
    before: '00006238',
    letters: { S: toc - 0x8001n, TOC: toc },
  },
  {
    name: 'R_PPC64_TOC16',
    what: 'above its range',
    before: '00006238',
    letters: { S: toc + 0x8000n, TOC: toc },
  },
  {
    name: 'R_PPC64_TOC16_DS',
    what: 'above its range',
    before: '000062e8',
    letters: { S: toc + 0x8000n, TOC: toc },
  },
  {
    name: 'R_PPC64_TOC16_DS',
    what: 'that is not aligned',
    before: '000062e8',
    letters: { S: toc + 2n, TOC: toc },
  },
  {
    name: 'R_PPC64_TOC16_LO_DS',
    what: 'that is not aligned',
    before: '000062e8',
    letters: { S: toc + 2n, TOC: toc },
  },
  {
    name: 'R_PPC64_REL24',
    what: 'beyond 32 MiB',
    before: '01000048',
    letters: { D: place + 0x200_0000n, P: place },
  },
  {
    name: 'R_PPC64_REL24',
    what: 'below 32 MiB',
    before: '01000048',
    letters: { D: place - 0x200_0004n, P: place },
  },
  {
    name: 'R_PPC64_REL24',
    what: 'that is not aligned',
    before: '01000048',
    letters: { D: place + 2n, P: place },
  },
  {
    name: 'R_PPC64_PCREL34',
    what: 'above its range',
    kernel: pcrelKernel,
    before: '0000100600006038',
    letters: { S: place + 0x2_0000_0000n, P: place },
  },
];

describe('a relocation that does not fit', () => {
  it.each(refusals)('refuses $name $what before anything is written', ({ name, ...test }) => {
    const { outcome, after } = apply(name, test);
    expect(outcome).toMatchObject({ status: 'refused', errno: 'ENOEXEC' });
    expect(after).toBe(test.before);
  });
});

describe('clearing', () => {
  const applied = [tocKernel, pcrelKernel].flatMap((kernel) =>
    ppc64le.relocationTypes.flatMap((type) => {
      const rule = relocationRule(type, kernel);
      return rule?.verdict === 'applied' ? [{ name: type.name, rule }] : [];
    }),
  );
  const word = fc.bigInt(0n, 0xffff_ffff_ffff_ffffn);

  it.each(applied)('restores what $name overwrote', ({ rule }) => {
    const near = fc.bigInt(-0x8000n, 0x7fffn);
    const run = fc.property(
      fc.uint8Array({ minLength: 12, maxLength: 12 }),
      word,
      near,
      near,
      (bytes, P, distance, A) => {
        const S = P + (distance & ~3n) - A;
        const letters = { S, A, P, D: S + A, TOC: P, G: S, O: A };
        const changed = bytes.slice();
        const input = {
          bytes: changed,
          offset: 2,
          letters,
          symbol: { name: 'f', external: false },
          byteOrder: 'little',
        } as const;
        const original = readContainer(bytes, 2, rule.field.size, 'little');
        expect(applyRelocation(rule, input).status).toBe('applied');
        expect(clearRelocation(rule, input, original)).toEqual({ status: 'cleared' });
        expect(changed).toEqual(bytes);
      },
    );
    fc.assert(run);
  });
});
