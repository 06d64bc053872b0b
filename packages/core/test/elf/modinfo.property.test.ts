import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { findModinfoValue, modinfoValue, parseModinfo } from '../../src/elf/modinfo.ts';

const encoder = new TextEncoder();
const text = fc.string({ unit: 'binary' }).map((value) => value.replaceAll('\0', ''));
const tag = fc.record({ tag: text.map((value) => `t${value.replaceAll('=', '')}`), value: text });

test('tags are read back as they were written, whatever padding is between them', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(tag, fc.integer({ min: 1, max: 5 }))), (rows) => {
      const section = encoder.encode(
        rows.map(([row, nuls]) => `${row.tag}=${row.value}${'\0'.repeat(nuls)}`).join(''),
      );
      expect(parseModinfo(section)).toEqual(rows.map(([row]) => row));
    }),
  );
});

test('looking for one tag gives what splitting all gives', () => {
  fc.assert(
    fc.property(fc.array(tag, { minLength: 1 }), fc.nat(), (rows, choice) => {
      const section = encoder.encode(rows.map((row) => `${row.tag}=${row.value}\0`).join(''));
      const wanted = rows[choice % rows.length]?.tag ?? '';
      expect(findModinfoValue(section, wanted)).toBe(modinfoValue(parseModinfo(section), wanted));
    }),
  );
});

test('any bytes can be split', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      expect(parseModinfo(bytes).length).toBeLessThanOrEqual(bytes.length);
    }),
  );
});
