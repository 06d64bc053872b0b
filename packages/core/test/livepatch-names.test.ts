import { expect, it } from 'vitest';
import {
  livepatchSectionName,
  livepatchSymbolName,
  parseLivepatchSectionName,
  parseLivepatchSymbolName,
} from '../src/livepatch-names.ts';

it('reads the object of a relocation section up to the first dot, and leaves the rest to the reader', () => {
  expect(parseLivepatchSectionName('.klp.rela.ext4.text.f')).toStrictEqual({
    object: 'ext4',
    section: 'text.f',
    truncated: false,
  });
  expect(parseLivepatchSectionName(livepatchSectionName('vmlinux', '.text'))).toStrictEqual({
    object: 'vmlinux',
    section: '.text',
    truncated: false,
  });
  expect(parseLivepatchSectionName('.klp.rela.ext4')?.section).toBe('');
  expect(parseLivepatchSectionName('.klp.rela..text')).toBeUndefined();
  expect(parseLivepatchSectionName('.rela.text')).toBeUndefined();
});

it('cuts an object of more than 55 bytes, as sscanf does', () => {
  const read = parseLivepatchSectionName(`.klp.rela.${'m'.repeat(56)}.text`);
  expect(read).toStrictEqual({ object: 'm'.repeat(55), section: 'text', truncated: true });
});

it('reads object, name and position of a symbol', () => {
  const name = { object: 'xfs', name: 'foo.isra.0', position: 2n };
  expect(parseLivepatchSymbolName(livepatchSymbolName(name))).toStrictEqual(name);
  expect(parseLivepatchSymbolName('.klp.sym.xfs.a, 7junk')?.position).toBe(7n);
  expect(parseLivepatchSymbolName(`.klp.sym.xfs.a,${2n ** 64n + 3n}`)?.position).toBe(3n);
});

it.each([
  ['no position', '.klp.sym.xfs.a'],
  ['a sign', '.klp.sym.xfs.a,+1'],
  ['no number', '.klp.sym.xfs.a,x'],
  ['no object', '.klp.sym..a,0'],
  ['no name', '.klp.sym.xfs.,0'],
  ['a long object', `.klp.sym.${'m'.repeat(56)}.a,0`],
  ['a long name', `.klp.sym.xfs.${'a'.repeat(512)},0`],
  ['another prefix', 'xfs.a,0'],
])('refuses a symbol with %s', (_, name) => {
  expect(parseLivepatchSymbolName(name)).toBeUndefined();
});

it('takes names as long as the kernel does', () => {
  expect(parseLivepatchSymbolName(`.klp.sym.xfs.${'a'.repeat(511)},0`)?.name).toHaveLength(511);
  expect(parseLivepatchSymbolName(`.klp.sym.xfs.${'a'.repeat(128)},0`, 127)).toBeUndefined();
});
