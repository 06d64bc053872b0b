import type { Btf, StructType } from './btf.ts';

/** A memory area of a module: offsets in struct module. */
export interface AreaLayout {
  /** `core` and `init`, or the kernel's name of the type: `MOD_TEXT`. */
  readonly name: string;
  /** Of a pointer. */
  readonly base: number;
  /** Of an unsigned int. */
  readonly size: number;
}

/** Where struct module of one kernel keeps what Kelp needs. Offsets in bytes; pointers have 8. */
export interface ModuleLayout {
  /** How it was found: from type information, or from what must hold for every module. */
  readonly source: 'btf' | 'inferred';
  /** sizeof(struct module), or where it is inferred, bytes that belong to it. */
  readonly size: number;
  /** `list`: two pointers. */
  readonly list: number;
  /** `name`: text of MODULE_NAME_LEN bytes. */
  readonly name: number;
  readonly sections: SectionAttributesLayout;
  /** The area with the text first. */
  readonly areas: readonly AreaLayout[];
  readonly kallsyms: ModuleKallsymsLayout | undefined;
  /** `percpu` and `percpu_size`; undefined on kernels without SMP and where it could not be found. */
  readonly perCpu: { readonly base: number; readonly size: number } | undefined;
  /** `srcversion`: a pointer to text, or NULL; undefined where it could not be found. */
  readonly srcversion: number | undefined;
}

/** The sysfs attributes that keep the addresses of a module's sections (kernel/module/sysfs.c). */
export interface SectionAttributesLayout {
  /** Of `sect_attrs` in struct module, a pointer to an attribute group. */
  readonly pointer: number;
  /** Of `bin_attrs` behind that pointer: a pointer to pointers to the attributes, the last of them NULL. */
  readonly attributes: number;
  /** Of an attribute's pointer to its name, which is the section's. */
  readonly name: number;
  /** Of the section's address from the same place. */
  readonly address: number;
}

/** A module's own symbol table: struct mod_kallsyms. */
export interface ModuleKallsymsLayout {
  /** Of `kallsyms` in struct module, a pointer to the rest. */
  readonly pointer: number;
  /** Of a pointer to Elf64_Sym. */
  readonly symbols: number;
  /** Of an unsigned int. */
  readonly count: number;
  /** Of a pointer to text. */
  readonly strings: number;
  /** Of a pointer to type letters. */
  readonly types: number;
}

/** What no kernel has changed without a seed for its layout: state, list and name come first. */
export const moduleStart = { state: 0, list: 8, name: 24, nameSize: 56 } as const;

/** The layout by the kernel's type information; undefined where that lacks a part that must be there, or is damaged. */
export function layoutFromBtf(btf: Btf): ModuleLayout | undefined {
  const module = btf.struct('module');
  if (module === undefined) return undefined;
  const offset = (path: string): number | undefined => btf.member(module, path)?.offset;
  const [list, name] = [offset('list'), offset('name')];
  const sections = sectionAttributes(btf, module);
  const areas = memoryAreas(btf, module);
  if (list === undefined || name === undefined || sections === undefined || areas === undefined)
    return undefined;
  const [base, size] = [offset('percpu'), offset('percpu_size')];
  const perCpu = base === undefined || size === undefined ? undefined : { base, size };
  const layout: ModuleLayout = {
    source: 'btf',
    size: module.size,
    list,
    name,
    sections,
    areas,
    kallsyms: moduleKallsyms(btf, module),
    perCpu,
    srcversion: offset('srcversion'),
  };
  return fits(layout) ? layout : undefined;
}

/** Whether all members lie in the struct, so that they can be read from it: type information of a dump may be damaged. */
function fits({ size, name, areas, perCpu, srcversion }: ModuleLayout): boolean {
  const ends = [
    moduleStart.state + 4,
    name + moduleStart.nameSize,
    ...areas.flatMap((area) => [area.base + 8, area.size + 4]),
    ...(perCpu === undefined ? [] : [perCpu.base + 8, perCpu.size + 4]),
    ...(srcversion === undefined ? [] : [srcversion + 8]),
  ];
  return ends.every((end) => end <= size);
}

function sectionAttributes(btf: Btf, module: StructType): SectionAttributesLayout | undefined {
  const pointer = btf.member(module, 'sect_attrs')?.offset;
  const group = memberOf(btf, 'module_sect_attrs', 'grp');
  const attributes = memberOf(btf, 'attribute_group', 'bin_attrs');
  const name = memberOf(btf, 'bin_attribute', 'attr.name');
  // Up to 6.13 a struct module_sect_attr holds the attribute and the address; later `private` is the address.
  const address = memberOf(btf, 'module_sect_attr', 'address') ?? memberOf(btf, 'bin_attribute', 'private');
  const attribute = memberOf(btf, 'module_sect_attr', 'battr') ?? 0;
  if (pointer === undefined || group === undefined || attributes === undefined) return undefined;
  if (name === undefined || address === undefined) return undefined;
  return { pointer, attributes: group + attributes, name, address: address - attribute };
}

function memberOf(btf: Btf, struct: string, path: string): number | undefined {
  const found = btf.struct(struct);
  return found === undefined ? undefined : btf.member(found, path)?.offset;
}

function memoryAreas(btf: Btf, module: StructType): AreaLayout[] | undefined {
  // Since 6.4: mem[MOD_MEM_NUM_TYPES], named by enum mod_mem_type.
  const array = btf.member(module, 'mem');
  if (array !== undefined) return typedAreas(btf, array);
  const areas = ['core', 'data', 'init'].flatMap((name) => {
    const base = btf.member(module, `${name}_layout.base`)?.offset;
    const size = btf.member(module, `${name}_layout.size`)?.offset;
    return base === undefined || size === undefined ? [] : [{ name, base, size }];
  });
  return areas.length === 0 ? undefined : areas;
}

function typedAreas(
  btf: Btf,
  member: { readonly offset: number; readonly type: number },
): AreaLayout[] | undefined {
  const array = btf.arrayAt(member.type);
  const area = array === undefined ? undefined : btf.structAt(array.element);
  const base = area === undefined ? undefined : btf.member(area, 'base')?.offset;
  const size = area === undefined ? undefined : btf.member(area, 'size')?.offset;
  const types = btf.enumerators('mod_mem_type');
  if (
    array === undefined ||
    area === undefined ||
    base === undefined ||
    size === undefined ||
    types === undefined
  )
    return undefined;
  return [...types]
    .filter(([, number]) => number >= 0 && number < array.length)
    .toSorted(([, a], [, b]) => a - b)
    .map(([name, number]) => {
      const start = member.offset + number * area.size;
      return { name, base: start + base, size: start + size };
    });
}

function moduleKallsyms(btf: Btf, module: StructType): ModuleKallsymsLayout | undefined {
  const pointer = btf.member(module, 'kallsyms')?.offset;
  const [symbols, count, strings, types] = ['symtab', 'num_symtab', 'strtab', 'typetab'].map((name) => {
    return memberOf(btf, 'mod_kallsyms', name);
  });
  if (pointer === undefined || symbols === undefined || count === undefined) return undefined;
  return strings === undefined || types === undefined
    ? undefined
    : { pointer, symbols, count, strings, types };
}
