import { describeApplicability, type CodeExtent, type EntryLayout } from '@kelp/core';
import { expect, it } from 'vitest';
import { architectures } from '../../src/architectures.ts';

function fieldsOf(extent: CodeExtent): readonly string[] {
  if ('bytes' in extent) return [extent.start];
  return [extent.start, 'length' in extent ? extent.length : extent.end];
}

/** Layouts without a field that a row of rewrittenCode names. */
function missing(layouts: readonly EntryLayout[], fields: readonly string[]): readonly string[] {
  return layouts.flatMap(({ fields: known, structure, applies }) =>
    fields
      .filter((name) => !Object.hasOwn(known, name))
      .map((name) => `${structure} ${describeApplicability(applies)}: ${name}`),
  );
}

const withLivepatch = architectures.flatMap((one) =>
  one.livepatch === undefined ? [] : [[one.id, one, one.livepatch] as const],
);

it.each(withLivepatch)(
  'rewrittenCode of %s names sections and fields that the tables have',
  (_id, architecture, { rewrittenCode: rows = [] }) => {
    expect(rows.length).toBeGreaterThan(2);
    const wrong = rows.flatMap(({ section, code, copy, key }) => {
      const pattern = section.replace(/\*$/u, '');
      const row = architecture.specialSections.find(({ name }) => name.startsWith(pattern));
      if (row === undefined) return [`${section}: no such section`];
      const fields = [
        ...fieldsOf(code),
        ...(copy === undefined ? [] : fieldsOf(copy)),
        ...(key === undefined ? [] : [key]),
      ];
      return missing(row.layouts, fields);
    });
    expect(wrong).toEqual([]);
  },
);
