import { expect, test } from 'vitest';
import { parseFacts } from '../src/kernel-facts.ts';

const facts = {
  names: { 1: 'R_TOY_WORD' },
  loaders: [
    {
      kernel: '6.1',
      configuration: ['TOY'],
      applied: ['R_TOY_WORD'],
      ignored: [],
      unknown: 'ENOEXEC',
      overflow: 'ERANGE',
      storesFirst: true,
    },
  ],
  finalizations: [{ kernel: '6.1', calls: ['seal'], sections: ['.seal'], known: ['.seal'] }],
  structures: {
    '6.1': {
      seal: {
        size: 4,
        members: [
          ['site', 0, 4, 'signed'],
          ['kind', 0, 4, 'unsigned', 3],
        ],
      },
    },
  },
};

test('names, loaders, finalizations and structures', () => {
  const parsed = parseFacts(JSON.stringify(facts));
  expect(parsed.names.get(1)).toBe('R_TOY_WORD');
  const [loader] = parsed.loaders;
  expect(loader?.kernel.configuration?.get('TOY')).toBe('y');
  expect(loader).toMatchObject({ overflow: 'ERANGE', storesFirst: true });
  expect(parsed.finalizations[0]).toMatchObject({ calls: ['seal'], running: [] });
  expect(
    parsed.structures
      .get('6.1')
      ?.get('seal')
      ?.members.map(({ isBitField }) => isBitField),
  ).toEqual([false, true]);
});

test.each([
  ['not JSON', '{'],
  ['a list', '[]'],
  ['a loader without verdicts', JSON.stringify({ ...facts, loaders: [{ kernel: '6.1' }] })],
  [
    'a member of no kind',
    JSON.stringify({ ...facts, structures: { '6.1': { seal: { size: 4, members: [['a', 0, 4, 'odd']] } } } }),
  ],
])('%s is refused', (_what, text) => {
  expect(() => parseFacts(text)).toThrow(expect.objectContaining({ code: 'testkit/facts' }));
});
