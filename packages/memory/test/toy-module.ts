import type { ByteOrder } from '@kelp/core';
import { BtfBuilder } from './btf-data.ts';

/** How struct module of a toy kernel is made: up to 6.3 or later, and up to 6.13 or later. */
export interface ModuleForm {
  /** `layout`: core_layout and init_layout; `memory`: mem[MOD_MEM_NUM_TYPES]. */
  readonly areas: 'layout' | 'memory';
  /** Where a section attribute keeps the address: behind it or in its private pointer. */
  readonly address: 'behind' | 'private';
}

/** Offsets in the struct module of toy kernels, in bytes. */
export const toyModule = {
  list: 8,
  name: 24,
  areas: 96,
  kallsyms: 232,
  coreKallsyms: 240,
  sections: 272,
  perCpu: 288,
  perCpuSize: 296,
  srcversion: 304,
  size: 320,
} as const;

/** Of an area from the one before it: base, a flag, size. */
export const toyArea = { layout: 24, memory: 16, memorySize: 12, layoutSize: 8 } as const;

/** struct attribute_group and struct bin_attribute of toy kernels. */
export const toyAttribute = { groupArray: 32, size: 56, private: 24 } as const;

const areaTypes = {
  MOD_TEXT: 0,
  MOD_DATA: 1,
  MOD_RODATA: 2,
  MOD_INIT_TEXT: 3,
  MOD_MEM_NUM_TYPES: 4,
  MOD_INVALID: -1,
};

/** The type information that such a kernel carries. */
export function toyBtf(form: ModuleForm, byteOrder: ByteOrder): Uint8Array {
  const builder = new BtfBuilder(byteOrder);
  const word = builder.int('unsigned int', 4);
  const long = builder.int('long unsigned int', 8);
  const pointer = builder.pointer(0);
  const list = builder.struct('list_head', 16, [
    { name: 'next', type: pointer, offset: 0 },
    { name: 'prev', type: pointer, offset: 8 },
  ]);
  const name = builder.array(builder.int('char', 1), 56);
  const attribute = builder.struct('attribute', 16, [{ name: 'name', type: pointer, offset: 0 }]);
  const binary = builder.struct('bin_attribute', toyAttribute.size, [
    { name: 'attr', type: attribute, offset: 0 },
    { name: 'private', type: pointer, offset: toyAttribute.private },
  ]);
  const group = builder.struct('attribute_group', 40, [
    { name: 'name', type: pointer, offset: 0 },
    { name: 'bin_attrs', type: pointer, offset: toyAttribute.groupArray },
  ]);
  builder.struct('module_sect_attrs', 40, [{ name: 'grp', type: group, offset: 0 }]);
  if (form.address === 'behind') {
    builder.struct('module_sect_attr', toyAttribute.size + 8, [
      { name: 'battr', type: binary, offset: 0 },
      { name: 'address', type: long, offset: toyAttribute.size },
    ]);
  }
  builder.struct('mod_kallsyms', 32, [
    { name: 'symtab', type: pointer, offset: 0 },
    { name: 'num_symtab', type: word, offset: 8 },
    { name: 'strtab', type: pointer, offset: 16 },
    { name: 'typetab', type: pointer, offset: 24 },
  ]);
  builder.enum('mod_mem_type', areaTypes);
  builder.struct('module', toyModule.size, [
    { name: 'state', type: word, offset: 0 },
    { name: 'list', type: list, offset: toyModule.list },
    { name: 'name', type: name, offset: toyModule.name },
    ...areaMembers(builder, form, word, pointer),
    { name: 'kallsyms', type: pointer, offset: toyModule.kallsyms },
    { name: 'sect_attrs', type: pointer, offset: toyModule.sections },
    { name: 'percpu', type: pointer, offset: toyModule.perCpu },
    { name: 'percpu_size', type: word, offset: toyModule.perCpuSize },
    { name: 'srcversion', type: pointer, offset: toyModule.srcversion },
  ]);
  return builder.build();
}

function areaMembers(
  builder: BtfBuilder,
  { areas }: ModuleForm,
  word: number,
  pointer: number,
): { name: string; type: number; offset: number }[] {
  const area = builder.struct(areas === 'layout' ? 'module_layout' : 'module_memory', toyArea[areas], [
    { name: 'base', type: pointer, offset: 0 },
    { name: 'size', type: word, offset: areas === 'layout' ? toyArea.layoutSize : toyArea.memorySize },
  ]);
  if (areas === 'memory') {
    return [{ name: 'mem', type: builder.array(area, areaTypes.MOD_MEM_NUM_TYPES), offset: toyModule.areas }];
  }
  return [
    { name: 'core_layout', type: area, offset: toyModule.areas },
    { name: 'init_layout', type: area, offset: toyModule.areas + toyArea.layout },
  ];
}
