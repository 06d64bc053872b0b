import { expect, test } from 'vitest';
import { applyStackProtector } from '../src/stack-protector.ts';
import { sectionAt, testImage, toHex, type TestImage } from './test-image.ts';

const code = 0x1000n;
const table = 0x3000n;
const larl = 'c02000001234';
const lgrl = 'c41800001234';

function imageWith(text: string, features: Readonly<Record<string, boolean>> = {}): TestImage {
  return testImage({
    memory: [
      [code, text],
      [table, '0000000000001000 0000000000001006'],
    ],
    features,
  });
}

const section = sectionAt('__stack_protector_loc', table, 16);

test.each([
  [false, 'c02f00000240c01f00000240'],
  [true, 'c02f00070240c01f00070240'],
])('larl and lgrl become llilf, with a relocated lowcore: %s', (relocated_lowcore, expected) => {
  const image = imageWith(larl + lgrl, { relocated_lowcore });
  expect(applyStackProtector(image, section)).toBeUndefined();
  expect(image.hex(code, 12)).toBe(expected);
  expect(image.writes[0]).toBe(`stack-protector 0x1000 ${expected.slice(0, 12)}`);
});

test('where the lowcore is can be seen at each site', () => {
  const image = imageWith(larl + lgrl);
  applyStackProtector(image, section);
  expect(
    image.questions.map(({ id, address, candidates }) => [
      id,
      address,
      ...candidates.map(({ bytes }) => toHex(bytes)),
    ]),
  ).toEqual([
    ['relocated_lowcore', code, 'c02f00000240', 'c02f00070240'],
    ['relocated_lowcore', code + 6n, 'c01f00000240', 'c01f00070240'],
  ]);
});

test.each([
  ['larl of another register pair is none', 'c02100001234'],
  ['lgfrl', 'c41c00001234'],
  ['brasl', 'c0e500001234'],
])('any other instruction refuses the module, and earlier sites stay written: %s', (_what, other) => {
  const image = imageWith(larl + other);
  expect(applyStackProtector(image, section)).toEqual({
    errno: 'EINVAL',
    reason: 'instruction at 0x1006 is neither larl nor lgrl',
  });
  expect(image.hex(code, 12)).toBe(`c02f00000240${other}`);
});
