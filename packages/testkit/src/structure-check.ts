import {
  appliesTo,
  isPointer,
  layoutFor,
  parseSeries,
  type Architecture,
  type EntryField,
  type EntryLayout,
} from '@kelp/core';
import type { Failure } from './failure.ts';
import type { KernelFacts, Structure, StructureMember } from './kernel-facts.ts';

/**
 * Every layout of a structure has the size and the members that a compiler gives the structure of that kernel.
 *
 * @param restructured - `SECTION.FIELD`: fields that are no members.
 */
export function* checkStructures(
  architecture: Architecture,
  { structures }: KernelFacts,
  restructured: ReadonlySet<string>,
): Generator<Failure> {
  for (const [series, known] of structures) {
    const kernel = parseSeries(series);
    for (const row of architecture.specialSections) {
      const layout = appliesTo(row.applies, kernel) ? layoutFor(row, kernel) : undefined;
      const structure = layout === undefined ? undefined : known.get(structureName(layout) ?? '');
      if (layout === undefined || structure === undefined) continue;
      const other = Object.keys(layout.fields).filter((field) => restructured.has(`${row.name}.${field}`));
      for (const message of differences(layout, structure, new Set(other)))
        yield { check: 'structures', feature: `section/${row.name}`, message: `${series}: ${message}` };
    }
  }
}

/** `arch/x86/include/asm/alternative.h struct alt_instr`; a pointer to a structure is none. */
function structureName({ structure }: EntryLayout): string | undefined {
  return / struct (\w+)$/u.exec(structure)?.[1];
}

function* differences(
  layout: EntryLayout,
  { size, members }: Structure,
  other: ReadonlySet<string>,
): Generator<string> {
  if (layout.size !== size) yield `an entry of ${layout.size} bytes, the structure has ${size}`;
  const found = new Set<StructureMember>();
  for (const [name, field] of Object.entries(layout.fields)) {
    if (field.kind === 'padding') {
      const hidden = members.find((member) => overlaps(field, member));
      if (hidden !== undefined) yield `${hidden.name} at ${hidden.offset} is padding`;
      continue;
    }
    const named = members.filter((member) => isNamed(member, name));
    const candidates = named.length > 0 ? named : members.filter((member) => overlaps(field, member));
    const member = candidates.find((one) => sameMember(field, one));
    if (member === undefined && !other.has(name))
      yield `no member is ${name}, ${field.kind}, ${field.size} bytes at ${field.offset}`;
    for (const one of members) if (overlaps(field, one)) found.add(one);
  }
  const missing = members.find((member) => !found.has(member));
  if (missing !== undefined) yield `no field has ${missing.name} at ${missing.offset}`;
}

/** A member of a structure in the structure may have its name in front: `linkNext` is next. */
function isNamed(member: StructureMember, name: string): boolean {
  const own = fieldName(member);
  return own === name || name.endsWith(own.slice(0, 1).toUpperCase() + own.slice(1));
}

/** `bug_addr_disp` is bugAddr, `instr_offset` instrOffset. */
function fieldName({ name }: StructureMember): string {
  return name
    .replace(/_disp$/u, '')
    .replaceAll(/_+([a-z0-9])/gu, (_all, letter: string) => letter.toUpperCase());
}

function overlaps({ offset, size }: EntryField, member: StructureMember): boolean {
  return offset < member.offset + member.size && member.offset < offset + size;
}

function sameMember(field: EntryField, member: StructureMember): boolean {
  const { kind, offset, size, isBitField } = member;
  if (isBitField) {
    const inside = field.offset >= offset && field.offset + field.size <= offset + Math.max(size, field.size);
    return inside && (field.kind === 'bits' || field.kind === 'unsigned');
  }
  if (field.offset !== offset || field.size !== size) return false;
  if (isPointer(field)) return kind !== 'array';
  if (field.kind === 'characters') return kind === 'array';
  if (field.kind === 'signed') return kind === 'signed';
  return kind !== 'signed' && kind !== 'array';
}
