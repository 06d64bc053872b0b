import type { Condition } from './condition.ts';
import { constantValue, sizes } from './constant-expression.ts';
import { closing } from './functions.ts';
import type { ConditionalToken } from './preprocess.ts';

/** A member of a structure with its place. Members of structures within it stand for themselves. */
interface Member {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

/** A structure as a 64-bit compiler lays it out. */
export interface Structure {
  readonly size: number;
  readonly alignment: number;
  readonly members: readonly Member[];
}

/** What a structure may refer to. */
export interface Surroundings {
  /** The definitions of another structure or union, as {@link findDefinitions} gives them. */
  readonly structure: (name: string) => readonly (readonly ConditionalToken[])[];
  /** The text that a macro stands for. */
  readonly constant: (name: string) => string | undefined;
  /** The type that a type name stands for, `*` for pointers. */
  readonly type: (name: string) => string | undefined;
}

const silent = new Set([
  'const',
  'volatile',
  'signed',
  'unsigned',
  'static',
  '__user',
  '__rcu',
  '__force',
  '__percpu',
  '__iomem',
]);

/** The definitions of `struct NAME { ... } attributes` in a file, one for each branch of an `#if` around them. */
export function findDefinitions(
  tokens: readonly ConditionalToken[],
  name: string,
): readonly (readonly ConditionalToken[])[] {
  return tokens.flatMap((token, at) => {
    if (token.text !== name || tokens[at + 1]?.text !== '{') return [];
    if (tokens[at - 1]?.text !== 'struct' && tokens[at - 1]?.text !== 'union') return [];
    const close = closing(tokens, at + 1);
    const semicolon = tokens.findIndex((one, index) => index > close && one.text === ';');
    return close < 0 || semicolon < 0 ? [] : [tokens.slice(at - 1, semicolon)];
  });
}

/** Why a structure could not be laid out. */
export class LayoutFailure extends Error {}

/**
 * Lay out a definition of {@link findDefinitions}, with the members that a choice of options leaves in.
 *
 * @throws LayoutFailure naming the first declaration that is not understood.
 */
export function layOut(
  definition: readonly ConditionalToken[],
  holds: (conditions: readonly Condition[]) => boolean,
  surroundings: Surroundings,
): Structure {
  const tokens = definition.filter(({ kind, conditions }) => kind !== 'directive' && holds(conditions));
  const open = tokens.findIndex(({ text }) => text === '{');
  const close = closing(tokens, open);
  const attributes = tokens.slice(close + 1).map(({ text }) => text);
  const packed = attributes.includes('__packed') || attributes.includes('packed');
  const nested = (name: string): Structure | undefined => {
    const inner = surroundings.structure(name).find((one) => holds(one[0]?.conditions ?? []));
    return inner === undefined ? undefined : layOut(inner, holds, surroundings);
  };
  const builder = new StructureBuilder(tokens[0]?.text === 'union', packed, nested, surroundings);
  for (const declaration of declarationsOf(tokens.slice(open + 1, close))) builder.add(declaration);
  return builder.done(alignmentOf(attributes));
}

function alignmentOf(attributes: readonly string[]): number {
  const at = attributes.findIndex((text) => text === '__aligned' || text === 'aligned');
  return at < 0 ? 1 : Number(attributes[at + 2] ?? 1) || 1;
}

function declarationsOf(tokens: readonly ConditionalToken[]): readonly (readonly ConditionalToken[])[] {
  const declarations: ConditionalToken[][] = [[]];
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at];
    if (token === undefined) break;
    if (token.text === ';') declarations.push([]);
    else if (token.text === '{' || token.text === '(') {
      const end = closing(tokens, at);
      declarations.at(-1)?.push(...tokens.slice(at, end + 1));
      at = end;
    } else declarations.at(-1)?.push(token);
  }
  return declarations.filter((one) => one.length > 0);
}

class StructureBuilder {
  readonly #union: boolean;
  readonly #packed: boolean;
  readonly #structure: (name: string) => Structure | undefined;
  readonly #surroundings: Surroundings;
  readonly #members: Member[] = [];
  #end = 0;
  #alignment = 1;
  /** Bits used of the unit that ends at #end. */
  #bits = { used: 0, size: 0 };

  constructor(
    union: boolean,
    packed: boolean,
    structure: (name: string) => Structure | undefined,
    surroundings: Surroundings,
  ) {
    this.#union = union;
    this.#packed = packed;
    this.#structure = structure;
    this.#surroundings = surroundings;
  }

  add(declaration: readonly ConditionalToken[]): void {
    const tokens = declaration.filter(({ text }) => !silent.has(text));
    const inner = tokens.findIndex(({ text }) => text === '{');
    if (inner >= 0) return this.#addInner(tokens, inner);
    // Function pointer: TYPE (*NAME)(...)
    const star = tokens.findIndex(({ text }, at) => text === '(' && tokens[at + 1]?.text === '*');
    if (star > 0) return this.#place(tokens[star + 2]?.text ?? '', 8, 8, []);
    const { size, members, next } = this.#typeOf(declaration, tokens);
    for (const declarator of split(tokens.slice(next))) this.#declare(declarator, size, members);
  }

  done(aligned: number): Structure {
    const alignment = Math.max(aligned, this.#packed ? 1 : this.#alignment);
    return { size: roundUp(this.#end, alignment), alignment, members: this.#members };
  }

  #value(written: string | undefined): number {
    return constantValue(written ?? '', this.#surroundings.constant);
  }

  #addInner(tokens: readonly ConditionalToken[], open: number): void {
    const close = closing(tokens, open);
    const nested = new StructureBuilder(
      tokens[0]?.text === 'union',
      this.#packed,
      this.#structure,
      this.#surroundings,
    );
    for (const declaration of declarationsOf(tokens.slice(open + 1, close))) nested.add(declaration);
    const { size, alignment, members } = nested.done(1);
    this.#place('', size, alignment, members);
  }

  /** The type at the start of a declaration: its size and where the declarators start. */
  #typeOf(
    declaration: readonly ConditionalToken[],
    tokens: readonly ConditionalToken[],
  ): { readonly size: number; readonly members: Structure | undefined; readonly next: number } {
    const [first, second] = tokens;
    const fail = (): never => {
      throw new LayoutFailure(
        `line ${declaration[0]?.line}: ${declaration.map(({ text }) => text).join(' ')}`,
      );
    };
    if (first?.text === 'struct' || first?.text === 'union') {
      const pointer = tokens[2]?.text === '*';
      const members = pointer ? undefined : this.#structure(second?.text ?? '');
      if (!pointer && members === undefined) fail();
      return { size: members?.size ?? 8, members, next: 2 };
    }
    if (first?.text === 'enum') return { size: 4, members: undefined, next: 2 };
    let next = 0;
    let size = 0;
    while (sizes.has(tokens[next]?.text ?? '')) {
      size = Math.max(size, sizes.get(tokens[next]?.text ?? '') ?? 0);
      next++;
    }
    // `unsigned` alone is an int; `short int` and `long long` are their first word.
    if (next === 0 && declaration.some(({ text }) => text === 'unsigned'))
      return { size: 4, members: undefined, next };
    if (next > 1 && tokens[0]?.text === 'short') size = 2;
    if (next === 0) {
      const type = this.#surroundings.type(first?.text ?? '');
      if (type === '*') return { size: 8, members: undefined, next: 1 };
      const base = type?.split(/\s+/u).map((word) => sizes.get(word) ?? 0) ?? [];
      if (base.length > 0 && Math.max(...base) > 0)
        return { size: Math.max(...base), members: undefined, next: 1 };
    }
    if (next === 0 && tokens[1]?.text === '*') return { size: 8, members: undefined, next: 1 };
    return next === 0 ? fail() : { size, members: undefined, next };
  }

  #declare(declarator: readonly ConditionalToken[], typeSize: number, type: Structure | undefined): void {
    const texts = declarator.map(({ text }) => text);
    const pointer = texts[0] === '*';
    while (texts[0] === '*') texts.shift();
    const [name = '', next, count] = texts;
    const size = pointer ? 8 : typeSize;
    const alignment = pointer || type === undefined ? size : type.alignment;
    if (next === ':') return this.#addBits(name, this.#value(count), size);
    const aligned = alignmentOf(texts);
    if (next !== '[')
      return this.#place(name, size, Math.max(alignment, aligned), pointer ? [] : (type?.members ?? []));
    const length = count === ']' ? 0 : this.#value(texts.slice(2, texts.indexOf(']')).join(' '));
    if (!Number.isInteger(length))
      throw new LayoutFailure(`line ${declarator[0]?.line}: the length of ${name}[${count}]`);
    this.#place(name, size * length, alignment, []);
  }

  #place(name: string, size: number, alignment: number, members: readonly Member[]): void {
    const actual = this.#packed ? 1 : alignment;
    const offset = this.#union ? 0 : roundUp(this.#end, actual);
    if (members.length === 0) this.#members.push({ name, offset, size });
    for (const member of members) this.#members.push({ ...member, offset: offset + member.offset });
    this.#end = Math.max(this.#end, offset + size);
    this.#alignment = Math.max(this.#alignment, actual);
    this.#bits = { used: 0, size: 0 };
  }

  #addBits(name: string, width: number, size: number): void {
    if (!Number.isInteger(width)) throw new LayoutFailure(`the width of the bit-field ${name}`);
    // Packed bit-fields follow each other without regard to units.
    if (this.#packed) {
      const start = this.#bits.used === 0 ? this.#end : this.#bits.size;
      const used = this.#bits.used + width;
      this.#place(name, start + Math.ceil(used / 8) - this.#end, 1, []);
      this.#bits = { used, size: start };
      return;
    }
    // A bit-field starts at the next bit, unless it would cross a boundary of its type.
    const unit = size * 8;
    let start = this.#bits.used === 0 ? this.#end * 8 : this.#bits.used;
    if (width === 0 || Math.floor(start / unit) !== Math.floor((start + width - 1) / unit))
      start = roundUp(start, unit);
    if (start % unit === 0) this.#members.push({ name, offset: start / 8, size });
    this.#end = Math.max(this.#end, Math.ceil((start + width) / 8));
    this.#alignment = Math.max(this.#alignment, size);
    this.#bits = { used: start + width, size };
  }
}

function split(tokens: readonly ConditionalToken[]): readonly (readonly ConditionalToken[])[] {
  const parts: ConditionalToken[][] = [[]];
  for (const token of tokens) {
    if (token.text === ',') parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts.filter((part) => part.length > 0);
}

function roundUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}
