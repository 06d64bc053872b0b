import {
  decodeEntries,
  entrySource,
  klpFuncEntry,
  klpObjectEntry,
  pointer,
  u64,
  vmlinuxObject,
  type EntryLayout,
} from '@kelp/core';
import type { ObjectFile, Section } from '@kelp/core/elf';
import { DataPointers } from './data-pointers.ts';
import { functionNames } from './function-names.ts';
import type { LivepatchFunction, LivepatchObject } from './livepatch-object.ts';

// What build tools leave for the init function of the livepatch, which makes klp_patch, klp_object and klp_func of it.

/** struct kpatch_patch_func of kpatch, kmod/patch/kpatch-patch.h. */
const kpatchFunction = {
  size: 56,
  fields: { newAddr: pointer(0), sympos: u64(32), name: pointer(40), objname: pointer(48) },
  structure: 'kmod/patch/kpatch-patch.h struct kpatch_patch_func',
} as const satisfies EntryLayout;

/**
 * Objects in `.init.klp_objects` and `.init.klp_funcs`, which objtool klp diff writes for scripts/livepatch/init.c.
 *
 * @throws KelpError `elf/symbol-table`, `elf/relocation-table`.
 */
export function objtoolObjects(file: ObjectFile): readonly LivepatchObject[] {
  const section = file.section('.init.klp_objects');
  if (section === undefined) return [];
  const pointers = new DataPointers(file);
  const nameOf = functionNames(file);
  const { fields, size } = klpObjectEntry;
  return [...decodeEntries(klpObjectEntry, entrySource(file, section))].map((entry, index) => {
    const offset = index * size;
    const name = pointers.textAt(section, offset + fields.name.offset);
    const functions = pointers.at(section, offset + fields.funcs.offset);
    return {
      name: name ?? vmlinuxObject,
      isModule: name !== undefined,
      functions:
        functions === undefined
          ? []
          : objtoolFunctions(file, { pointers, nameOf }, functions.section).filter(
              ({ place }) =>
                place.offset >= functions.offset &&
                place.offset < functions.offset + entry.nrFuncs * klpFuncEntry.size,
            ),
      place: { section: section.name, offset },
    };
  });
}

interface Lookup {
  readonly pointers: DataPointers;
  readonly nameOf: ReturnType<typeof functionNames>;
}

function objtoolFunctions(
  file: ObjectFile,
  { pointers, nameOf }: Lookup,
  section: Section,
): readonly LivepatchFunction[] {
  const { fields, size } = klpFuncEntry;
  return [...decodeEntries(klpFuncEntry, entrySource(file, section))].map(({ sympos }, index) => {
    const offset = index * size;
    const code = pointers.at(section, offset + fields.newFunc.offset);
    return {
      oldName: pointers.textAt(section, offset + fields.oldName.offset),
      newFunction: code === undefined ? undefined : nameOf(code),
      position: sympos,
      place: { section: section.name, offset },
    };
  });
}

/**
 * Functions in `.kpatch.funcs`, by object in the order in which objects are met.
 *
 * @throws KelpError `elf/symbol-table`, `elf/relocation-table`.
 */
export function kpatchObjects(file: ObjectFile): readonly LivepatchObject[] {
  const section = file.section('.kpatch.funcs');
  if (section === undefined) return [];
  const pointers = new DataPointers(file);
  const nameOf = functionNames(file);
  const { fields, size } = kpatchFunction;
  const objects = new Map<string, LivepatchFunction[]>();
  for (const [index, entry] of [...decodeEntries(kpatchFunction, entrySource(file, section))].entries()) {
    const offset = index * size;
    const object = pointers.textAt(section, offset + fields.objname.offset) ?? vmlinuxObject;
    const code = pointers.at(section, offset + fields.newAddr.offset);
    const found: LivepatchFunction = {
      oldName: pointers.textAt(section, offset + fields.name.offset),
      newFunction: code === undefined ? undefined : nameOf(code),
      position: entry.sympos,
      place: { section: section.name, offset },
    };
    const functions = objects.get(object);
    if (functions === undefined) objects.set(object, [found]);
    else functions.push(found);
  }
  return [...objects].map(([name, functions]) => ({
    name,
    isModule: name !== vmlinuxObject,
    functions,
    place: functions[0]?.place ?? { section: section.name, offset: 0 },
  }));
}
