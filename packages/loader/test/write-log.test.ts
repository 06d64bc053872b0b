import { array, assert, integer, property, record, uint8Array } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WriteLog } from '../src/index.ts';

describe('WriteLog', () => {
  test('the last cause of a byte counts', () => {
    const log = new WriteLog();
    log.append(0, 2, new Uint8Array(4), 'relocation');
    log.append(0, 4, new Uint8Array(1), 'alternative');
    log.append(1, 0, new Uint8Array(8), 'relocation');
    expect([...log.provenance(0, 8)]).toEqual([0, 0, 1, 1, 2, 1, 0, 0]);
    expect(log.causes).toEqual(['relocation', 'alternative']);
  });

  test('rewinding gives the first bytes back, however many writes overlap', () => {
    const write = record({
      offset: integer({ min: 0, max: 50 }),
      bytes: uint8Array({ minLength: 1, maxLength: 14 }),
    });
    assert(
      property(
        array(write, { maxLength: 40 }),
        uint8Array({ minLength: 64, maxLength: 64 }),
        (writes, first) => {
          const memory = first.slice();
          const log = new WriteLog();
          for (const { offset, bytes } of writes) {
            log.append(0, offset, memory.slice(offset, offset + bytes.length), 'x');
            memory.set(bytes, offset);
          }
          log.rewind(0, (_area, offset, old) => memory.set(old, offset));
          expect(memory).toEqual(first);
          expect(log.count).toBe(0);
        },
      ),
    );
  });
});
