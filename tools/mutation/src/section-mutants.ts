import {
  isPointer,
  type ArchitectureDefinition,
  type EntryField,
  type EntryFieldKind,
  type EntryLayout,
  type SpecialSection,
} from '@kelp/core';
import { wrongBounds } from './bounds.ts';
import { replaced, within, without, type Change, type Mutant } from './mutant.ts';

/** Every row of special sections with one thing wrong. */
export function* sectionMutants(
  definition: ArchitectureDefinition,
  series: readonly string[],
): Generator<Mutant> {
  const rows = definition.specialSections;
  for (const [index, row] of rows.entries()) {
    for (const { what, value } of wrongRows(row, series)) {
      yield {
        group: 'section fields',
        name: `${row.name}: ${what}`,
        definition: { ...definition, specialSections: replaced(rows, index, value) },
      };
    }
  }
}

function wrongRows(row: SpecialSection, series: readonly string[]): readonly Change<SpecialSection>[] {
  const { applies, layouts } = row;
  return [
    ...within(wrongBounds(applies, series), '', (value) =>
      value === undefined ? row : { ...row, applies: value },
    ),
    ...layouts.flatMap((layout, index) => [
      { what: `layout ${index} is missing`, value: { ...row, layouts: without(layouts, index) } },
      ...within(wrongLayouts(layout, series), layouts.length > 1 ? `layout ${index}: ` : '', (value) => ({
        ...row,
        layouts: replaced(layouts, index, value),
      })),
    ]),
  ];
}

function wrongLayouts(layout: EntryLayout, series: readonly string[]): readonly Change<EntryLayout>[] {
  const { applies, size, lastSize, fields } = layout;
  const { lastSize: _last, ...whole } = layout;
  return [
    { what: 'an entry is four bytes longer', value: { ...layout, size: size + 4 } },
    { what: 'an entry is a byte shorter', value: { ...layout, size: size - 1 } },
    ...(lastSize === undefined ? [] : [{ what: 'the last entry is like the others', value: whole }]),
    ...within(wrongBounds(applies, series), '', (value) =>
      value === undefined ? layout : { ...layout, applies: value },
    ),
    ...Object.entries(fields).flatMap(([name, field]) =>
      within(wrongFields(name, field, fields), `${name}: `, (changed) => ({
        ...layout,
        fields: { ...fields, ...changed },
      })),
    ),
  ];
}

type Fields = Readonly<Record<string, EntryField>>;

function wrongFields(name: string, field: EntryField, fields: Fields): readonly Change<Fields>[] {
  const one = (what: string, value: EntryField): Change<Fields> => ({ what, value: { [name]: value } });
  const changes = [
    one('begins a byte later', { ...field, offset: field.offset + 1 }),
    one('begins a byte earlier', { ...field, offset: field.offset - 1 }),
    one('is half as long', { ...field, size: Math.floor(field.size / 2) }),
    one('is twice as long', { ...field, size: field.size * 2 }),
  ];
  for (const kind of otherKinds(field)) changes.push(one(`is ${kind}`, { ...field, kind }));
  if (isPointer(field))
    changes.push(
      one(field.optional === true ? 'is required' : 'is optional', {
        ...field,
        optional: field.optional !== true,
      }),
    );
  if (field.flags !== undefined)
    changes.push(one('has one flag less', { ...field, flags: field.flags >> 1 }));
  if (field.flags !== undefined)
    changes.push(one('has one flag more', { ...field, flags: field.flags * 2 + 1 }));
  const [other, place] = neighbor(name, field, fields) ?? [];
  if (other !== undefined && place !== undefined) {
    const value = { [name]: { ...field, offset: place.offset }, [other]: { ...place, offset: field.offset } };
    changes.push({ what: `and ${other} are in the other order`, value });
  }
  return changes;
}

/** The next field that has the same size: only their order tells them apart. */
function neighbor(
  name: string,
  field: EntryField,
  fields: Fields,
): readonly [string, EntryField] | undefined {
  const names = Object.keys(fields);
  const next = names[names.indexOf(name) + 1];
  const other = next === undefined ? undefined : fields[next];
  return next === undefined || other?.size !== field.size ? undefined : [next, other];
}

function otherKinds({ kind }: EntryField): readonly EntryFieldKind[] {
  if (kind === 'pc-relative') return ['absolute', 'signed'];
  if (kind === 'entry-relative') return ['pc-relative', 'absolute', 'signed'];
  if (kind === 'absolute') return ['pc-relative', 'unsigned'];
  if (kind === 'unsigned') return ['signed', 'absolute'];
  if (kind === 'signed') return ['unsigned', 'pc-relative'];
  return kind === 'bits' ? ['signed'] : [];
}
