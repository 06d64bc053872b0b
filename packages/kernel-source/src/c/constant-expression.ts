/** Sizes of the types of a 64-bit kernel. */
export const sizes: ReadonlyMap<string, number> = new Map(
  Object.entries({
    char: 1,
    bool: 1,
    _Bool: 1,
    u8: 1,
    s8: 1,
    __u8: 1,
    __s8: 1,
    uint8_t: 1,
    int8_t: 1,
    short: 2,
    u16: 2,
    s16: 2,
    __u16: 2,
    __s16: 2,
    __le16: 2,
    __be16: 2,
    uint16_t: 2,
    int16_t: 2,
    int: 4,
    u32: 4,
    s32: 4,
    __u32: 4,
    __s32: 4,
    __le32: 4,
    __be32: 4,
    uint32_t: 4,
    int32_t: 4,
    atomic_t: 4,
    long: 8,
    u64: 8,
    s64: 8,
    __u64: 8,
    __s64: 8,
    uint64_t: 8,
    int64_t: 8,
    size_t: 8,
    atomic64_t: 8,
  }),
);
/** The value of a constant expression of numbers, macros, sizes and the four operations; NaN where it is more. */
export function constantValue(written: string, constant: (name: string) => string | undefined): number {
  let text = written;
  for (let steps = 0; steps < 8; steps++) {
    text = text.replace(/sizeof\s*\(\s*(?:unsigned |signed )?(\w+)\s*\)/gu, (whole, type: string) =>
      String(sizes.get(type) ?? whole),
    );
    const next = text.replace(/\b[A-Za-z_]\w*\b/gu, (name) => constant(name) ?? name);
    if (next === text) break;
    text = next;
  }
  return arithmetic(text);
}

/** Value of `A`, `A op B` and parentheses around them. */
function arithmetic(text: string): number {
  const plain = text.trim();
  const inner = /^\((.*)\)$/u.exec(plain)?.[1];
  if (inner !== undefined && !/\).*\(/u.test(inner)) return arithmetic(inner);
  if (/^(?:0x[\da-f]+|\d+)[ul]*$/iu.test(plain)) return Number(plain.replace(/[ul]+$/iu, ''));
  const [, left, operator, right] = /^(.*?)\s*([-+*/])\s*([^-+*/]+)$/u.exec(plain) ?? [];
  if (left === undefined || operator === undefined || right === undefined) return Number.NaN;
  const [a, b] = [arithmetic(left), arithmetic(right)];
  return operator === '+' ? a + b : operator === '-' ? a - b : operator === '*' ? a * b : a / b;
}
