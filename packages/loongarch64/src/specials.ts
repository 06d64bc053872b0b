import { readContainer, writeContainer, type Special, type SpecialContext } from '@kelp/core';

// apply_r_larch_add_sub() of arch/loongarch/kernel/module.c: the value is added to what the place holds.

/** `*(s32 *)location += v`. */
export function addToPlace(size: 4 | 8): Special {
  return {
    name: `add-${size * 8}`,
    description: 'The value is added to what the place holds; overflow is dropped.',
    apply: (context) => change(context, size, context.value),
    clear: (context) => change(context, size, -context.value),
  };
}

/** `*(s32 *)location -= v`. */
export function subtractFromPlace(size: 4 | 8): Special {
  return {
    name: `subtract-${size * 8}`,
    description: 'The value is subtracted from what the place holds; overflow is dropped.',
    apply: (context) => change(context, size, -context.value),
    clear: (context) => change(context, size, context.value),
  };
}

function change({ bytes, offset, byteOrder }: SpecialContext, size: 4 | 8, by: bigint): undefined {
  const sum = readContainer(bytes, offset, size, byteOrder) + by;
  writeContainer(bytes, offset, size, byteOrder, BigInt.asUintN(size * 8, sum));
}
