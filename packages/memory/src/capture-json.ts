import { KelpError } from '@kelp/core';

/** A section of sections.json. */
export interface CapturedSection {
  readonly name: string;
  readonly address: bigint;
  /** In bytes. */
  readonly size: number;
  /** The file with its bytes, relative to the folder and checked; undefined if it lies inside a region or was freed. */
  readonly file: string | undefined;
}

/** A range of regions.json or percpu.json. */
export interface CapturedRange {
  readonly address: bigint;
  /** In bytes. */
  readonly size: number;
}

/** Read sections.json: sections by module, in the order of the file. @throws KelpError `memory/damaged-capture`. */
export function parseSections(text: string, file: string): ReadonlyMap<string, readonly CapturedSection[]> {
  const entries = members(parseJson(text, file), 'the file', file).map(([module, sections]) => {
    const where = `module ${JSON.stringify(module)}`;
    checkFileName(module, file);
    return [
      module,
      members(sections, where, file).map(([name, value]) => section(name, value, where, file)),
    ] as const;
  });
  return new Map(entries);
}

/** Read regions.json: vmalloc areas by module. @throws KelpError `memory/damaged-capture`. */
export function parseRegions(text: string, file: string): ReadonlyMap<string, readonly CapturedRange[]> {
  const entries = members(parseJson(text, file), 'the file', file).map(([module, regions]) => {
    const where = `module ${JSON.stringify(module)}`;
    checkFileName(module, file);
    if (!Array.isArray(regions)) throw damaged(`${where} has no list of regions`, file);
    return [module, regions.map((region: unknown) => range(region, where, file))] as const;
  });
  return new Map(entries);
}

/** Read percpu.json: per-CPU blocks by module. @throws KelpError `memory/damaged-capture`. */
export function parsePerCpu(text: string, file: string): ReadonlyMap<string, CapturedRange> {
  const modules = members(parseJson(text, file), 'the file', file);
  return new Map(
    modules.map(([module, value]) => [module, range(value, `module ${JSON.stringify(module)}`, file)]),
  );
}

/** Read exports.json: addresses of exported symbols. @throws KelpError `memory/damaged-capture`. */
export function parseExports(text: string, file: string): ReadonlyMap<string, bigint> {
  const symbols = members(parseJson(text, file), 'the file', file);
  return new Map(
    symbols.map(([name, value]) => [name, address(value, `symbol ${JSON.stringify(name)}`, file)]),
  );
}

/** Read srcversions.json: checksums of sources by module. @throws KelpError `memory/damaged-capture`. */
export function parseSrcversions(text: string, file: string): ReadonlyMap<string, string> {
  const modules = members(parseJson(text, file), 'the file', file);
  return new Map(
    modules.map(([module, value]) => {
      if (typeof value === 'string') return [module, value];
      throw damaged(`module ${JSON.stringify(module)} has the srcversion ${shown(value)}`, file);
    }),
  );
}

/** Refuse a name from a file that would lead elsewhere as a part of a path. @throws KelpError `memory/unsafe-name`. */
export function checkFileName(name: string, file: string): void {
  if (/^[^/\\\0]+$/u.test(name) && name !== '.' && name !== '..') return;
  const message = `the name ${JSON.stringify(name.slice(0, 200))} cannot be a file name`;
  throw new KelpError('memory/unsafe-name', message, { file });
}

function section(name: string, value: unknown, module: string, file: string): CapturedSection {
  const where = `section ${JSON.stringify(name)} of ${module}`;
  const { address: place, size } = range(value, where, file);
  const path = member(value, 'file');
  if (path === undefined) return { name, address: place, size, file: undefined };
  if (typeof path !== 'string') throw damaged(`${where} has a file that is no text`, file);
  for (const part of path.split('/')) checkFileName(part, file);
  return { name, address: place, size, file: path };
}

function range(value: unknown, where: string, file: string): CapturedRange {
  const size = member(value, 'size');
  if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || size >= 2 ** 31) {
    throw damaged(`${where} has the size ${shown(size)}, expected a number of bytes`, file);
  }
  return { address: address(member(value, 'address'), where, file), size };
}

function address(value: unknown, where: string, file: string): bigint {
  if (typeof value === 'string' && /^0x[0-9a-f]{1,16}$/iu.test(value)) return BigInt(value);
  throw damaged(`${where} has the address ${shown(value)}, expected 0x and up to 16 digits`, file);
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'undefined').slice(0, 80);
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new KelpError('memory/damaged-capture', `not JSON: ${reason}`, { file }, { cause: error });
  }
}

/** The members of an object as pairs: names from a file are never looked up as keys. */
function members(value: unknown, where: string, file: string): [string, unknown][] {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return Object.entries(value);
  throw damaged(`${where} is not an object`, file);
}

function member(value: unknown, name: 'address' | 'file' | 'size'): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.entries(value).find(([key]) => key === name)?.[1];
}

function damaged(found: string, file: string): KelpError {
  return new KelpError('memory/damaged-capture', found, { file });
}
