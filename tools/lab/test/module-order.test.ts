import { describe, expect, it } from 'vitest';
import { orderModules, parseModuleList } from '../src/module-order.ts';

/** As depmod(8) writes them: the nearest dependency first. */
const tables = {
  dependencies: [
    'kernel/fs/ext4/ext4.ko.xz: kernel/lib/crc16.ko.xz kernel/fs/mbcache.ko.xz kernel/fs/jbd2/jbd2.ko.xz',
    'kernel/fs/jbd2/jbd2.ko.xz:',
    'kernel/fs/mbcache.ko.xz:',
    'kernel/lib/crc16.ko.xz:',
    'kernel/crypto/crc32c_generic.ko.xz:',
    'kernel/arch/x86/crypto/aesni-intel.ko.xz: kernel/crypto/crypto_simd.ko.xz kernel/crypto/cryptd.ko.xz',
    'kernel/crypto/crypto_simd.ko.xz: kernel/crypto/cryptd.ko.xz',
    'kernel/crypto/cryptd.ko.xz:',
    '',
  ].join('\n'),
  soft: '# Soft dependencies extracted from modules themselves.\nsoftdep ext4 pre: crc32c_generic post: aesni_intel\n',
};

describe('parseModuleList', () => {
  it('reads names, parameters and comments', () => {
    const list = '# first\nxor\n\n  aesni-intel  # as a file is named\ntest_bpf test_id=0 \n';
    expect(parseModuleList(list)).toEqual([
      { name: 'xor', parameters: '' },
      { name: 'aesni_intel', parameters: '' },
      { name: 'test_bpf', parameters: 'test_id=0' },
    ]);
  });
});

describe('orderModules', () => {
  it('puts soft and hard dependencies in front, each once', () => {
    const list = parseModuleList('ext4 debug=1\naesni-intel\njbd2\n');
    const { modules, absent } = orderModules(list, tables, '/tree');
    expect(modules.map(({ name }) => name).join(' ')).toBe(
      'crc32c_generic jbd2 mbcache crc16 ext4 cryptd crypto_simd aesni_intel',
    );
    expect(modules.at(-1)?.file).toBe('/tree/kernel/arch/x86/crypto/aesni-intel.ko.xz');
    expect(modules.find(({ name }) => name === 'ext4')?.parameters).toBe('debug=1');
    expect(absent).toEqual([]);
  });

  it('names what the kernel has no module for', () => {
    expect(orderModules(parseModuleList('fuse\ncrc16\n'), tables, '/tree').absent).toEqual(['fuse']);
  });
});
