import type { Texts } from './texts.ts';

/** Where the headers of a tree declare what entry structures are made of. The first in order of paths counts. */
export interface Declarations {
  /** Structures and unions: name to file. */
  readonly structures: ReadonlyMap<string, string>;
  /** Object-like macros: name to text. */
  readonly constants: ReadonlyMap<string, string>;
  /** Type names: name to the type, `*` for pointers to functions. */
  readonly types: ReadonlyMap<string, string>;
}

/** Read declarations from files without comments. Of macros and type names only headers are read. */
export function readDeclarations(texts: Texts): Declarations {
  const structures = new Map<string, string>();
  const constants = new Map<string, string>();
  const types = new Map<string, string>();
  const set = (map: Map<string, string>, key: string, value: string): void => {
    if (!map.has(key)) map.set(key, value);
  };
  for (const [file, text] of texts) {
    for (const [, name = ''] of text.matchAll(/^(?:struct|union)\s+(\w+)\s*\{/gmu))
      set(structures, name, file);
    if (!file.endsWith('.h')) continue;
    for (const [, name = '', value = ''] of text.matchAll(
      /^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+([\w ()+*/-]{1,60})$/gmu,
    )) {
      set(constants, name, value.trim());
    }
    for (const [, name = ''] of text.matchAll(/^typedef\s[^;{}()]*\(\s*\*\s*(\w+)\s*\)/gmu))
      set(types, name, '*');
    for (const [, type = '', name = ''] of text.matchAll(/^typedef\s+([\w\s]+?[\s*]+)(\w+);/gmu)) {
      set(types, name, type.includes('*') ? '*' : type.trim());
    }
  }
  return { structures, constants, types };
}
