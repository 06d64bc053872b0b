import { describe, expect, test } from 'vitest';
import { findModinfoValue, modinfoValue, parseModinfo } from '../../src/elf/modinfo.ts';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('parseModinfo', () => {
  test('splits tags and values in file order', () => {
    expect(parseModinfo(encode('license=GPL\0alias=pci:a\0alias=pci:b\0'))).toEqual([
      { tag: 'license', value: 'GPL' },
      { tag: 'alias', value: 'pci:a' },
      { tag: 'alias', value: 'pci:b' },
    ]);
  });

  test('takes everything behind the first equals sign for the value', () => {
    expect(parseModinfo(encode('parm=mode:a=b\0'))).toEqual([{ tag: 'parm', value: 'mode:a=b' }]);
  });

  test('skips padding', () => {
    expect(parseModinfo(encode('\0\0a=1\0\0\0\0b=2\0\0'))).toHaveLength(2);
  });

  test('keeps a tag without a value', () => {
    expect(parseModinfo(encode('retpoline\0depends=\0'))).toEqual([
      { tag: 'retpoline', value: '' },
      { tag: 'depends', value: '' },
    ]);
  });

  test('takes a last string without NUL', () => {
    expect(parseModinfo(encode('a=1\0b=2'))).toEqual([
      { tag: 'a', value: '1' },
      { tag: 'b', value: '2' },
    ]);
  });

  test('gives nothing for an empty section', () => {
    expect(parseModinfo(new Uint8Array())).toEqual([]);
  });

  test('keeps text that is not ASCII', () => {
    expect(parseModinfo(encode('author=Jürgen Groß\0'))).toEqual([{ tag: 'author', value: 'Jürgen Groß' }]);
  });

  test('replaces bytes that are no UTF-8', () => {
    expect(parseModinfo(Uint8Array.of(0x61, 0x3d, 0xff, 0))).toEqual([{ tag: 'a', value: '\ufffd' }]);
  });
});

describe('modinfoValue', () => {
  const tags = parseModinfo(encode('alias=pci:a\0alias=pci:b\0'));

  test('gives the value of the first tag of a name', () => {
    expect(modinfoValue(tags, 'alias')).toBe('pci:a');
  });

  test('gives nothing for a name that is not there', () => {
    expect(modinfoValue(tags, 'vermagic')).toBeUndefined();
  });
});

describe('findModinfoValue', () => {
  test.each([
    ['at the start', 'vermagic=6.1\0license=GPL\0'],
    ['in the middle', 'license=GPL\0vermagic=6.1\0name=x\0'],
    ['at the end without NUL', 'license=GPL\0vermagic=6.1'],
    ['behind a tag that it is a part of', 'my.vermagic=5\0vermagic=6.1\0'],
    ['behind a value that looks like it', 'description=vermagic=5\0vermagic=6.1\0'],
    ['behind a tag that starts with it', 'vermagicx=5\0vermagic=6.1\0'],
    ['before another of its name', 'vermagic=6.1\0vermagic=5\0'],
  ])('finds a tag %s', (_where, text) => {
    expect(findModinfoValue(encode(text), 'vermagic')).toBe('6.1');
  });

  test('keeps a byte order mark, as parseModinfo does', () => {
    const section = encode('vermagic=\ufeff6.1\0');
    expect(findModinfoValue(section, 'vermagic')).toBe('\ufeff6.1');
    expect(modinfoValue(parseModinfo(section), 'vermagic')).toBe('\ufeff6.1');
  });

  test.each(['', 'license=GPL\0', 'vermagic', 'vermagic\0=6.1\0', 'vermagi'])('finds none in %j', (text) => {
    expect(findModinfoValue(encode(text), 'vermagic')).toBeUndefined();
  });
});
