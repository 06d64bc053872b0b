import { describe, expect, test } from 'vitest';
import { revertExpolines } from '../src/expolines.ts';
import { sectionAt, testImage, toHex, type TestImage } from './test-image.ts';

const code = 0x1000n;
const table = 0x3000n;
/** exrl %r0,.+10; j .; br %r14: stands 0x20 halfwords behind the site. */
const thunk = 'c60000000005a7f4000007fe';

interface Case {
  readonly site: string;
  readonly behind?: string;
  readonly features?: Readonly<Record<string, boolean>>;
  readonly answers?: Readonly<Record<string, string>>;
  readonly functions?: ReadonlyMap<bigint, string>;
}

function revert({ site, behind = thunk, ...input }: Case): TestImage {
  const text = site.replaceAll(' ', '').padEnd(128, '0') + behind;
  const image = testImage({
    release: '6.1',
    memory: [
      [code, text],
      [table, 'ffffe000'],
    ],
    ...input,
  });
  expect(revertExpolines(image, sectionAt('.s390_return_reg', table, 4))).toBeUndefined();
  return image;
}

const jump = 'c0f4 00000020';

describe('nospec_revert', () => {
  test.each([
    ['a jump', jump, '07fe47000700'],
    ['a conditional jump', 'c084 00000020', '078e47000700'],
    ['a call', 'c0e5 00000020', '0dee47000700'],
  ])('%s through a thunk becomes a plain one and a nop', (_what, site, plain) => {
    expect(revert({ site, features: { expoline: false } }).writes).toEqual([`expoline 0x1000 ${plain}`]);
    expect(revert({ site, features: { expoline: true } }).writes).toEqual([]);
  });

  test('what the machine description does not tell is asked at each site', () => {
    const [question] = revert({ site: jump }).questions;
    expect(question).toMatchObject({ kind: 'feature', id: 'expoline', address: code });
    expect(question?.candidates.map(({ answer, bytes }) => [answer, toHex(bytes)])).toEqual([
      ['off', '07fe47000700'],
      ['on', 'c0f400000020'],
    ]);
    expect(revert({ site: jump, answers: { expoline: 'on' } }).writes).toEqual([]);
  });

  test.each([
    ['another instruction than brcl and brasl', 'c0e0 00000020', thunk],
    ['no exrl', jump, 'c60100000005a7f4000007fe'],
    ['exrl of something else than br', jump, 'c60000000005a7f40000078e'],
    ['a target outside the module without a name', 'c0f4 00100000', thunk],
  ])('leaves alone: %s', (_what, site, behind) => {
    const image = revert({ site, behind, features: { expoline: false } });
    expect([image.questions, image.writes]).toEqual([[], []]);
  });

  test('a thunk outside the module is known by its name', () => {
    const away = { site: 'c0f4 00100000', features: { expoline: false } };
    const target = code + 0x200000n;
    expect(revert({ ...away, functions: new Map([[target, '__s390_indirect_jump_r9']]) }).writes).toEqual([
      'expoline 0x1000 07f947000700',
    ]);
    expect(revert({ ...away, functions: new Map([[target, '__s390_indirect_jump_r1x']]) }).writes).toEqual(
      [],
    );
  });
});
