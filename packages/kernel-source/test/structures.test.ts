import { describe, expect, test } from 'vitest';
import { expand, functionMacros } from '../src/c/macros.ts';
import { preprocess } from '../src/c/preprocess.ts';
import { findDefinitions, layOut } from '../src/c/structures.ts';
import { tokenize } from '../src/c/tokens.ts';

function lay(source: string, name = 'toy') {
  const tokens = preprocess(tokenize(source), () => undefined);
  const structure = (inner: string) => findDefinitions(tokens, inner);
  const [definition = []] = structure(name);
  const { size, members } = layOut(
    expand(
      definition,
      functionMacros(tokens, () => true),
    ),
    () => true,
    {
      structure,
      constant: (macro) =>
        new Map([
          ['LENGTH', '(64 - sizeof(unsigned long))'],
          ['BITS', '6'],
        ]).get(macro),
      type: (type) =>
        new Map([
          ['toy_callback_t', '*'],
          ['toy_word_t', 'unsigned int'],
        ]).get(type),
    },
  );
  return [size, ...members.map(({ name: member, offset, size: bytes }) => `${member}@${offset}+${bytes}`)];
}

describe('structures of a 64-bit kernel', () => {
  // Sizes and offsets as the System V ABI lays them out; gcc agrees.
  test.each([
    ['u8 a; u32 b; u16 c;', [12, 'a@0+1', 'b@4+4', 'c@8+2']],
    ['const char *a, b; unsigned c;', [16, 'a@0+8', 'b@8+1', 'c@12+4']],
    ['int (*run)(struct x *); long n[3];', [32, 'run@0+8', 'n@8+24']],
    ['char name[LENGTH]; enum kind k;', [60, 'name@0+56', 'k@56+4']],
    ['unsigned int line:18; unsigned int class:BITS; unsigned int flags:8;', [4, 'line@0+4']],
    [
      's16 a; s16 b; s16 c; unsigned int d:4; unsigned int e:12; u8 f;',
      [12, 'a@0+2', 'b@2+2', 'c@4+2', 'f@8+1'],
    ],
    ['u8 a; unsigned int b:30; unsigned int c:4;', [12, 'a@0+1', 'b@4+4', 'c@8+4']],
    ['union { u64 a; u32 b; }; u8 c;', [16, 'a@0+8', 'b@0+4', 'c@8+1']],
    ['struct inner in; struct inner *next;', [16, 'x@0+1', 'y@2+2', 'next@8+8']],
    ['toy_callback_t call; toy_word_t word; u8 end[];', [16, 'call@0+8', 'word@8+4', 'end@12+0']],
    ['REL(const char *, file); u8 a;', [8, 'file_disp@0+4', 'a@4+1']],
  ])('%s', (members, expected) => {
    const source = `#define REL(type, name) signed int name##_disp\nstruct inner { u8 x; u16 y; };\nstruct toy {\n${members}\n};\n`;
    expect(lay(source)).toEqual(expected);
  });

  test('packed', () => {
    expect(
      lay('struct toy { s32 a; s32 b; union { u32 f; struct { u32 c:4; }; }; u8 n; } __packed;')[0],
    ).toBe(13);
    const orc =
      'struct toy { s16 a; s16 b; unsigned r:4; unsigned s:4; unsigned t:3; unsigned u:1; } __packed;';
    expect(lay(orc)[0]).toBe(6);
  });

  test('aligned', () => {
    expect(lay('struct toy { u64 a; u32 b; } __aligned(32);')[0]).toBe(32);
  });
});
