import { describe, expect, test } from 'vitest';
import { parseModules } from '../src/proc-modules.ts';
import { refusal, refused } from './refusal.ts';

const text = `\
lptpatch 16384 1 - Live 0xffffffffc0470000 (OEK)
virtio 20480 2 virtio_blk,virtio_pci, Live 0xffffffffc03cf000
xfs 12288 - - Unloading 0xffffffffc0300000 (E-)
ext4 1019904 0 [permanent], Loading 0xffffffffc0200000 (+)
virtio_ring 45056 1 virtio_blk, Live 0xffffffffc03b2000
`;

test('modules come in load order, which is the last line first', () => {
  expect(parseModules(text).map(({ name }) => name)).toEqual([
    'virtio_ring',
    'ext4',
    'xfs',
    'virtio',
    'lptpatch',
  ]);
});

test('a line tells size, users, state and address', () => {
  expect(parseModules(text)[3]).toEqual({
    name: 'virtio',
    size: 20480,
    usedBy: ['virtio_blk', 'virtio_pci'],
    state: 'live',
    base: 0xffffffffc03cf000n,
  });
});

test('states and marks are told from names', () => {
  expect(parseModules(text).map(({ state, usedBy }) => [state, usedBy.length])).toEqual([
    ['live', 1],
    ['coming', 0],
    ['going', 0],
    ['live', 2],
    ['live', 0],
  ]);
});

test('a kernel without modules has an empty file', () => {
  expect(parseModules('')).toEqual([]);
});

describe('a file that is not /proc/modules', () => {
  test.each([
    ['another line', 'virtio 1 2 - Live 0x1000\nmodules\n', 'memory/damaged-modules', /line 2 is "modules"/],
    ['an unknown state', 'virtio 1 2 - Dead 0x1000\n', 'memory/damaged-modules', /line 1/],
    ['a cut last line', 'virtio 1 2 - Live 0x1000', 'memory/truncated', /last line/],
    [
      'hidden addresses',
      'a 1 0 - Live 0x0000000000000000\nb 1 0 - Live 0x0\n',
      'memory/hidden-addresses',
      /kptr_restrict/,
    ],
  ])('is refused: %s', (_, content, code, message) => {
    expect(refusal(() => parseModules(content, '/m'))).toEqual(refused(code, message, '/m'));
  });
});
