import { KelpError, parseSeries, type Kernel } from '@kelp/core';

/** What the module loader of a kernel does with relocation types, read from its source. */
interface LoaderFacts {
  readonly kernel: Kernel;
  /** Names of the types that it has code for. */
  readonly applied: ReadonlySet<string>;
  /** Names of the types that it accepts and skips. */
  readonly ignored: ReadonlySet<string>;
  /** Error for any other type. */
  readonly unknown: string;
  /** Error for a value that does not fit. */
  readonly overflow: string;
  /** A value that does not fit has been stored when it is refused; undefined where the source was not asked. */
  readonly storesFirst: boolean | undefined;
}

/** One member of a C structure, as a compiler lays it out. */
export interface StructureMember {
  readonly name: string;
  /** In bytes; of a bit-field, those of its storage unit. */
  readonly offset: number;
  readonly size: number;
  readonly kind: 'array' | 'enum' | 'pointer' | 'signed' | 'unsigned';
  /** It is a bit-field. */
  readonly isBitField: boolean;
}

/** A structure of a kernel. */
export interface Structure {
  readonly size: number;
  readonly members: readonly StructureMember[];
}

/** What module_finalize() of a kernel does, read from its source. */
export interface FinalizationFacts {
  readonly kernel: Kernel;
  /** Functions that it calls, in order. */
  readonly calls: readonly string[];
  /** Names of sections, or beginnings of names, that it looks for. */
  readonly sections: readonly string[];
  /** The same for all functions of the file. */
  readonly known: readonly string[];
  /** Functions of the files that patch modules while the kernel runs. */
  readonly running: readonly string[];
}

/** What binutils and the sources of kernels say about an architecture: `facts.json`. */
export interface KernelFacts {
  /** Names of relocation types by number, as readelf prints them. */
  readonly names: ReadonlyMap<number, string>;
  readonly loaders: readonly LoaderFacts[];
  readonly finalizations: readonly FinalizationFacts[];
  /** Structures by name, and those by kernel series. */
  readonly structures: ReadonlyMap<string, ReadonlyMap<string, Structure>>;
}

/**
 * Read a `facts.json`.
 *
 * @throws KelpError `testkit/facts` naming the part that cannot be read.
 */
export function parseFacts(text: string): KernelFacts {
  const { names, loaders, finalizations = [], structures } = recordOf(parseJson(text), 'the file');
  if (!Array.isArray(loaders) || !Array.isArray(finalizations)) throw unreadable('loaders or finalizations');
  const numbered = Object.entries(recordOf(names, 'names'));
  return {
    names: new Map(numbered.map(([number, name]) => [Number(number), textOf(name, `names ${number}`)])),
    loaders: loaders.map((loader: unknown) => parseLoader(recordOf(loader, 'loaders'))),
    finalizations: finalizations.map((one: unknown) => parseFinalization(recordOf(one, 'finalizations'))),
    structures: mapOf(structures, 'structures', (one, series) => mapOf(one, series, parseStructure)),
  };
}

function parseLoader(loader: Readonly<Record<string, unknown>>): LoaderFacts {
  const options = textsOf(loader['configuration'] ?? [], 'configuration');
  return {
    kernel: parseSeries(textOf(loader['kernel'], 'kernel'), new Map(options.map((option) => [option, 'y']))),
    applied: new Set(textsOf(loader['applied'], 'applied')),
    ignored: new Set(textsOf(loader['ignored'], 'ignored')),
    unknown: textOf(loader['unknown'], 'unknown'),
    overflow: textOf(loader['overflow'], 'overflow'),
    storesFirst: typeof loader['storesFirst'] === 'boolean' ? loader['storesFirst'] : undefined,
  };
}

function parseFinalization(value: Readonly<Record<string, unknown>>): FinalizationFacts {
  return {
    kernel: parseSeries(textOf(value['kernel'], 'kernel')),
    calls: textsOf(value['calls'], 'calls'),
    sections: textsOf(value['sections'], 'sections'),
    known: textsOf(value['known'], 'known'),
    running: textsOf(value['running'] ?? [], 'running'),
  };
}

function parseStructure(value: unknown, name: string): Structure {
  const { size, members } = recordOf(value, name);
  if (typeof size !== 'number' || !Array.isArray(members)) throw unreadable(name);
  return { size, members: members.map((member: unknown) => parseMember(member, name)) };
}

const kinds = ['array', 'enum', 'pointer', 'signed', 'unsigned'] as const;

/** `[name, offset, size, kind]`, and the width of a bit-field. */
function parseMember(value: unknown, structure: string): StructureMember {
  const parts: readonly unknown[] = Array.isArray(value) ? value : [];
  const [name, offset, size, word, bits] = parts;
  const kind = kinds.find((one) => one === word);
  if (
    typeof name !== 'string' ||
    typeof offset !== 'number' ||
    typeof size !== 'number' ||
    kind === undefined
  )
    throw unreadable(`a member of ${structure}`);
  return { name, offset, size, kind, isBitField: bits !== undefined };
}

function mapOf<Value>(
  value: unknown,
  what: string,
  parse: (one: unknown, name: string) => Value,
): ReadonlyMap<string, Value> {
  return new Map(Object.entries(recordOf(value, what)).map(([name, one]) => [name, parse(one, name)]));
}

function recordOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unreadable(what);
  return Object.fromEntries(Object.entries(value));
}

function textsOf(value: unknown, what: string): readonly string[] {
  if (!Array.isArray(value)) throw unreadable(what);
  return value.map((one: unknown) => textOf(one, what));
}

function textOf(value: unknown, what: string): string {
  if (typeof value !== 'string') throw unreadable(what);
  return value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new KelpError('testkit/facts', 'not a JSON file', {}, { cause: error });
  }
}

function unreadable(what: string): KelpError {
  return new KelpError('testkit/facts', `${what} cannot be read`);
}
