import { appliesTo, type Kernel } from './kernel.ts';

/**
 * Names by which livepatch finds what to relocate and against what (kernel/livepatch/core.c, klp_resolve_symbols and
 * klp_apply_section_relocs, both read with sscanf).
 */

/** The object of everything that is not in a module. */
export const vmlinuxObject = 'vmlinux';

/** MODULE_NAME_LEN - 1: bytes of an object's name, all kernels. */
export const objectNameLimit = 55;

/** KSYM_NAME_LEN - 1 since 6.1 (b8a94bfb3395); 127 before. Bytes of a symbol's name. */
export const symbolNameLimit = 511;

/** The same of kernels before 6.1. */
const shortSymbolNameLimit = 127;

/** Bytes that a symbol's name may have in a kernel. */
export function symbolNameLimitOf(kernel: Kernel): number {
  return appliesTo([{ before: '6.1' }], kernel) ? shortSymbolNameLimit : symbolNameLimit;
}

/** Prefix of the sections that livepatch applies. */
export const livepatchRelocationPrefix = '.klp.rela.';

/** Prefix of the symbols that livepatch resolves. */
export const livepatchSymbolPrefix = '.klp.sym.';

/** What the name of a livepatch relocation section says. */
export interface LivepatchSectionName {
  /**
   * The object being patched, which decides when the section is applied: `vmlinux` or a module. Untrusted. As the
   * kernel reads it: cut to 55 bytes, and then it matches no object.
   */
  readonly object: string;
  /**
   * What stands behind the object, by convention the section that is relocated. The kernel does not look at it, and
   * tools differ: objtool keeps the leading dot of the section, which gives two dots, older tools drop it. Untrusted.
   */
  readonly section: string;
  /** The object's name is longer than the kernel reads: the section is silently never applied. */
  readonly truncated: boolean;
}

/** What the name of a livepatch symbol says. */
export interface LivepatchSymbolName {
  /** The object that provides the symbol. Untrusted. */
  readonly object: string;
  /** Untrusted. */
  readonly name: string;
  /** Sympos: 0, the name is unique in its object; n, the n-th of the name. */
  readonly position: bigint;
}

/**
 * Read `.klp.rela.OBJECT.SECTION`.
 *
 * @returns undefined where the kernel finds no object in it: EINVAL.
 */
export function parseLivepatchSectionName(name: string): LivepatchSectionName | undefined {
  if (!name.startsWith(livepatchRelocationPrefix)) return undefined;
  const rest = name.slice(livepatchRelocationPrefix.length);
  const dot = rest.indexOf('.');
  const whole = dot === -1 ? rest : rest.slice(0, dot);
  if (whole === '') return undefined;
  const object = firstBytes(whole, objectNameLimit);
  return { object, section: dot === -1 ? '' : rest.slice(dot + 1), truncated: object !== whole };
}

/**
 * Read `.klp.sym.OBJECT.NAME,POSITION`. As in the kernel, the position may be followed by anything.
 *
 * @param limit - bytes that a symbol's name may have in that kernel.
 * @returns undefined where the kernel answers EINVAL.
 */
export function parseLivepatchSymbolName(
  name: string,
  limit: number = symbolNameLimit,
): LivepatchSymbolName | undefined {
  if (!name.startsWith(livepatchSymbolPrefix)) return undefined;
  const rest = name.slice(livepatchSymbolPrefix.length);
  const dot = rest.indexOf('.');
  const object = rest.slice(0, Math.max(dot, 0));
  const comma = rest.indexOf(',', dot + 1);
  if (object === '' || comma === -1) return undefined;
  const symbol = rest.slice(dot + 1, comma);
  // %lu takes no sign, and what does not fit wraps.
  const digits = /^[\t-\r ]*(\d+)/u.exec(rest.slice(comma + 1))?.[1];
  if (symbol === '' || digits === undefined) return undefined;
  if (byteLength(object) > objectNameLimit || byteLength(symbol) > limit) return undefined;
  return { object, name: symbol, position: BigInt.asUintN(64, BigInt(digits)) };
}

/** The name of a livepatch relocation section, as objtool writes it: with the section's own dot. */
export function livepatchSectionName(object: string, section: string): string {
  return `${livepatchRelocationPrefix}${object}.${section}`;
}

/** The name of a livepatch symbol. */
export function livepatchSymbolName({ object, name, position }: LivepatchSymbolName): string {
  return `${livepatchSymbolPrefix}${object}.${name},${position}`;
}

const encoder = new TextEncoder();

function byteLength(text: string): number {
  return encoder.encode(text).length;
}

function firstBytes(text: string, limit: number): string {
  const bytes = encoder.encode(text);
  return bytes.length <= limit ? text : new TextDecoder().decode(bytes.subarray(0, limit));
}
