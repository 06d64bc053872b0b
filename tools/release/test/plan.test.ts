import { describe, expect, test } from 'vitest';
import { obstacle, publishingOrder, type Manifest } from '../src/plan.ts';

function manifest(name: string, needs: readonly string[] = [], more: Partial<Manifest> = {}): Manifest {
  return { name, version: '1.2.0', isPrivate: false, needs, ...more };
}

describe('publishing order', () => {
  test('what is needed comes first, private packages not at all', () => {
    const order = publishingOrder([
      manifest('cli', ['core', 'x86', 'commander']),
      manifest('x86', ['core']),
      manifest('core'),
      manifest('fixtures', [], { isPrivate: true }),
    ]);
    expect(order.map(({ name }) => name)).toEqual(['core', 'x86', 'cli']);
  });

  test('two versions, and packages that need each other, are refused', () => {
    expect(() => publishingOrder([manifest('a'), manifest('b', [], { version: '1.1.0' })])).toThrow(
      '1.2.0, 1.1.0',
    );
    expect(() => publishingOrder([manifest('a', ['b']), manifest('b', ['a'])])).toThrow(
      'need each other: a, b',
    );
  });
});

describe('obstacles', () => {
  const ready = { changes: '', tag: 'v1.2.0', changesets: 0, inWorkflow: true };

  test('none in a workflow at a tag', () => {
    expect(obstacle({ version: '1.2.0' }, ready)).toBeUndefined();
  });

  test.each([
    ['an unversioned repository', '0.0.0', {}, 'npm run version'],
    ['open changesets', '1.2.0', { changesets: 2 }, '2 changesets'],
    ['uncommitted changes', '1.2.0', { changes: ' M README.md' }, 'not committed'],
    ['another tag', '1.2.0', { tag: 'v1.1.0' }, 'not tagged v1.2.0'],
    ['a machine of one’s own', '1.2.0', { inWorkflow: false }, 'provenance'],
  ])('%s', (_what, version, state, expected) => {
    expect(obstacle({ version }, { ...ready, ...state })).toContain(expected);
  });
});
