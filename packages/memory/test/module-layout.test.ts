import { expect, test } from 'vitest';
import { parseBtf } from '../src/btf.ts';
import { layoutFromBtf } from '../src/module-layout.ts';
import { toyBtf, toyModule } from './toy-module.ts';

const form = { areas: 'memory', address: 'behind' } as const;

/** The type information of a toy kernel with a struct module of another size. */
function withSize(size: number): Uint8Array {
  const bytes = toyBtf(form, 'little');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const places = Array.from({ length: bytes.length / 4 }, (_, index) => index * 4);
  const place = places.findLast((at) => view.getUint32(at, true) === toyModule.size);
  view.setUint32(place ?? 0, size, true);
  return bytes;
}

test('a struct module is laid out as its type information says', () => {
  const layout = layoutFromBtf(parseBtf(withSize(toyModule.size), 'little', 'vmlinux'));
  expect(layout).toMatchObject({ source: 'btf', size: toyModule.size, srcversion: toyModule.srcversion });
});

test.each([toyModule.perCpu, toyModule.srcversion + 4, 8])(
  'type information whose members do not fit into %i bytes is not believed',
  (size) => {
    expect(layoutFromBtf(parseBtf(withSize(size), 'little', 'vmlinux'))).toBeUndefined();
  },
);
