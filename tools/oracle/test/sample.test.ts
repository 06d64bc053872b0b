import { describe, expect, it } from 'vitest';
import { sample } from '../src/sample.ts';

const items = Array.from({ length: 50 }, (_, index) => index);

describe('sample', () => {
  it('chooses different items, the same for the same seed', () => {
    const chosen = sample(items, 10, 7);
    expect(new Set(chosen).size).toBe(10);
    expect(sample(items, 10, 7)).toEqual(chosen);
    expect(sample(items, 10, 8)).not.toEqual(chosen);
  });

  it('gives all items where more are wanted', () => {
    expect([...sample(items, 100, 1)].toSorted((a, b) => a - b)).toEqual(items);
  });
});
