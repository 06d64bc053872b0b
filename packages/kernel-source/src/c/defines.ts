import type { Token } from './tokens.ts';

/** Object-like macros of a file: name to text. A second definition of a name is kept where the first is no number. */
export function readDefines(tokens: readonly Token[], into: Map<string, string>): void {
  for (const token of tokens) {
    if (token.kind !== 'directive') continue;
    const match = /^#\s*define\s+(\w+)\s+(.+)$/su.exec(token.text);
    if (match?.[1] !== undefined && match[2] !== undefined && !into.has(match[1]))
      into.set(match[1], match[2]);
  }
}

/** The number that a macro stands for, through any names between; undefined where that is not a plain number. */
export function resolveNumber(name: string, defines: ReadonlyMap<string, string>): number | undefined {
  let text: string | undefined = name;
  for (let steps = 0; text !== undefined && steps < 16; steps++) {
    const plain = text.replace(/^\((.*)\)$/su, '$1').trim();
    if (/^(0[xX][\da-fA-F]+|\d+)[uUlL]*$/u.test(plain)) return parseNumber(plain.replace(/[uUlL]+$/u, ''));
    text = defines.get(plain);
  }
  return undefined;
}

function parseNumber(text: string): number {
  return /^0[0-7]+$/u.test(text) ? Number.parseInt(text, 8) : Number(text);
}
