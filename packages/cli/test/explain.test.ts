import { describe, expect, test } from 'vitest';
import { json, list, listWith, member, run } from './run.ts';

describe('a name', () => {
  test('of a relocation type', async () => {
    const { status, out, error } = await run('explain', 'R_PPC64_REL24');
    expect([status, error]).toEqual([0, '']);
    await expect(out).toMatchFileSnapshot('golden/explain-R_PPC64_REL24.txt');
  });

  test('of a special section, for each architecture that has it', async () => {
    const { status, out, error } = await run('explain', '.altinstructions');
    expect([status, error]).toEqual([0, '']);
    await expect(out).toMatchFileSnapshot('golden/explain-altinstructions.txt');
  });

  test('without its prefix, in any case', async () => {
    const names = await Promise.all(
      ['REL24', 'rel24', 'r_ppc64_rel24'].map(async (name) => list(await json('explain', name), 'features')),
    );
    for (const features of names)
      expect(features.map((one) => member(one, 'name'))).toEqual(['R_PPC64_REL24']);
  });

  test('that is a number is a type of every architecture', async () => {
    const features = list(await json('explain', '1'), 'features');
    expect(features.map((one) => member(one, 'name'))).toEqual(
      expect.arrayContaining(['R_X86_64_64', 'R_PPC64_ADDR32', 'R_390_8']),
    );
  });

  test('that a pattern matches', async () => {
    const features = list(await json('explain', '.klp.rela.btrfs..text'), 'features');
    expect(features.map((one) => [member(one, 'architecture'), member(one, 'name')])).toEqual(
      ['x86', 'ppc64le', 's390x', 'arm64', 'loongarch64'].map((id) => [id, '.klp.rela.*']),
    );
  });
});

test('as JSON', async () => {
  expect(await json('explain', 'R_390_PLT32DBL')).toMatchObject({
    schema: 1,
    features: [
      {
        architecture: 's390x',
        title: 's390x',
        name: 'R_390_PLT32DBL',
        kind: 'relocation',
        facts: listWith({ term: 'Number', text: '20' }),
        variants: [{ applies: 'all', facts: listWith({ term: 'Formula', text: 'D + A - P' }) }],
      },
    ],
  });
});

test('of one architecture, by any of its names', async () => {
  const features = list(await json('explain', '.altinstructions', '--architecture', 'aarch64'), 'features');
  expect(features.map((one) => member(one, 'architecture'))).toEqual(['arm64']);
});

describe('ends with 2', () => {
  test.each([
    [['explain', 'R_X86_64_NOPE'], 'no architecture knows "R_X86_64_NOPE"', 'explain/unknown'],
    // Another architecture does.
    [['explain', 'R_PPC64_REL24', '--architecture', 'x86'], 'no architecture knows', 'explain/unknown'],
    [
      ['explain', '.altinstructions', '--architecture', 'sparc'],
      'architecture "sparc" is none of',
      'architecture/unsupported',
    ],
    [['explain', '\u001b[2J'], String.raw`no architecture knows "\\u001b[2J"`, 'explain/unknown'],
  ])('%j', async (args, message, code) => {
    const { status, out, error } = await run(...args);
    expect([status, out]).toEqual([2, '']);
    expect(error).toContain(message);
    expect(error).toContain(`(${code})\n`);
  });
});
