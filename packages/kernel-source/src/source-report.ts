import type { Block, Column, Report, Row, Table } from '@kelp/report';
import { describeConditions } from './c/functions.ts';
import type { SourceComparison } from './compare-source.ts';
import type { Origin } from './section-names.ts';

const code = (text: string | number): { readonly text: string | number; readonly code: true } => ({
  text,
  code: true,
});

const columns = (...labels: readonly string[]): readonly Column[] => labels.map((label) => ({ label }));

function section(text: string, table: Table): readonly Block[] {
  return [
    { kind: 'heading', level: 2, text },
    { kind: 'table', ...table },
  ];
}

/** A comparison for people. */
export function sourceReport(comparison: SourceComparison): Report {
  const open = comparison.disagreements.filter(({ accepted }) => accepted === undefined);
  const accepted = comparison.disagreements.filter((one) => one.accepted !== undefined);
  const blocks = [
    ...section('Relocations that the loader handles', relocationTable(comparison)),
    ...section('Hooks of the module loader', hookTable(comparison)),
    ...section('Options that decide about livepatching and about tables of modules', optionTable(comparison)),
    ...section('Section names', nameTable(comparison)),
    ...section('Entry structures that are those of the tables', structureTable(comparison)),
    ...section('Disagreements', disagreementTable(open, false)),
    ...(accepted.length === 0 ? [] : section('Accepted disagreements', disagreementTable(accepted, true))),
    ...section('Section names that macros make', {
      columns: columns('place', 'instead of a name'),
      rows: comparison.macroNamed.map(({ file, line, expression }) => ({
        cells: [code(`${file}:${line}`), code(expression)],
      })),
    }),
    ...section('Not read', {
      columns: columns('place', 'what'),
      rows: comparison.unread.map(({ file, line, what }) => ({ cells: [code(`${file}:${line}`), what] })),
    }),
  ];
  return { title: `Linux ${comparison.version} in ${comparison.root}`, blocks };
}

function relocationTable({ architectures }: SourceComparison): Table {
  return {
    columns: columns('architecture', 'function', 'cases', 'other types', 'switch in'),
    rows: architectures.flatMap(({ architecture, relocations }) =>
      [relocations.apply, relocations.clear].map(({ entry, reached, cases, refusesOthers }): Row => {
        const holders = [...new Set(cases.map((one) => one.function))];
        const others = refusesOthers ? 'refused' : { text: 'not refused', tone: 'warning' as const };
        return {
          cells: [
            architecture.id,
            code(entry),
            cases.length,
            reached === undefined ? { text: 'not defined here', tone: 'muted' } : others,
            code(holders.join(' ')),
          ],
        };
      }),
    ),
  };
}

function hookTable({ architectures }: SourceComparison): Table {
  return {
    columns: columns('architecture', 'hook', 'place', 'compiled'),
    rows: architectures.flatMap(({ architecture, hooks }) =>
      hooks.map(({ name, file, line, conditions }) => ({
        cells: [
          architecture.id,
          code(name),
          code(`${file}:${line}`),
          conditions === '' ? 'always' : code(conditions),
        ],
      })),
    ),
  };
}

/** Options that an architecture turns on and that decide about livepatching, or about the form of a table. */
const tellingOptions = [
  'HAVE_LIVEPATCH',
  'HAVE_KLP_BUILD',
  'HAVE_RELIABLE_STACKTRACE',
  'HAVE_DYNAMIC_FTRACE_WITH_ARGS',
  'HAVE_DYNAMIC_FTRACE_WITH_REGS',
  'HAVE_DYNAMIC_FTRACE_WITH_CALL_OPS',
  'HAVE_ARCH_JUMP_LABEL',
  'HAVE_ARCH_JUMP_LABEL_RELATIVE',
  'HAVE_ARCH_PREL32_RELOCATIONS',
  'HAVE_STATIC_CALL',
  'HAVE_STATIC_CALL_INLINE',
  'GENERIC_BUG_RELATIVE_POINTERS',
  'MODULES_USE_ELF_RELA',
  'ARCH_USES_CFI_TRAPS',
  'ARCH_WANTS_MODULES_TEXT_SECTIONS',
];

function optionTable({ architectures }: SourceComparison): Table {
  return {
    columns: columns('option', ...architectures.map(({ architecture }) => architecture.id)),
    rows: tellingOptions.map((option) => ({
      cells: [
        code(option),
        ...architectures.map(({ selects }) => {
          const found = selects.find((one) => one.option === option);
          if (found === undefined) return '';
          return found.condition === undefined ? 'yes' : `if ${found.condition}`;
        }),
      ],
    })),
  };
}

const origins: Readonly<Record<Origin, string>> = {
  assembler: 'assembler',
  attribute: 'attributes',
  objtool: 'objtool',
  'image-script': 'linker scripts of the image',
  'module-script': 'linker scripts of modules',
  loader: 'code that looks for them',
};

function nameTable({ architectures }: SourceComparison): Table {
  return {
    columns: columns('named by', ...architectures.map(({ architecture }) => architecture.id)),
    rows: Object.entries(origins).map(([origin, title]) => ({
      cells: [
        title,
        ...architectures.map(
          ({ sections }) =>
            new Set(sections.filter((one) => one.origin === origin).map(({ name }) => name)).size,
        ),
      ],
    })),
  };
}

function structureTable({ architectures }: SourceComparison): Table {
  const rows = new Map<string, { readonly cells: Row['cells']; readonly ids: string[] }>();
  for (const { architecture, layouts } of architectures) {
    for (const { section: name, structure, file, size, configuration } of layouts) {
      const cells = [code(name), code(`struct ${structure}`), code(file), size, configuration];
      const key = JSON.stringify(cells);
      const known = rows.get(key);
      if (known === undefined) rows.set(key, { cells, ids: [architecture.id] });
      else known.ids.push(architecture.id);
    }
  }
  return {
    columns: columns('section', 'structure', 'file', 'bytes', 'with', 'architectures'),
    rows: [...rows.values()].map(({ cells, ids }) => ({ cells: [...cells, ids.join(' ')] })),
  };
}

function disagreementTable(rows: SourceComparison['disagreements'], accepted: boolean): Table {
  const labels = ['subject', 'tree', 'table', 'configuration', 'place', 'architectures'];
  return {
    columns: columns(...labels, ...(accepted ? ['reason'] : [])),
    rows: rows.map((one) => ({
      cells: [
        code(one.subject),
        one.tree,
        one.table,
        one.configuration,
        code(one.place),
        one.architectures.join(' '),
        ...(accepted ? [one.accepted ?? ''] : []),
      ],
    })),
  };
}

/** A comparison for programs: schema `kelp-source/1`. */
export function sourceJson(comparison: SourceComparison): object {
  const { root, version, architectures, disagreements, unread, macroNamed } = comparison;
  return {
    schema: 'kelp-source/1',
    tree: { root, version },
    architectures: architectures.map(({ architecture, relocations, hooks, selects, layouts, sections }) => ({
      id: architecture.id,
      relocations: [relocations.apply, relocations.clear].map(switchJson),
      hooks,
      selects: selects.map((one) => ({ ...one, condition: one.condition ?? null })),
      structures: layouts,
      sections,
    })),
    disagreements: disagreements.map((one) => ({ ...one, accepted: one.accepted ?? null })),
    macroNamed,
    unread,
  };
}

type RelocationSwitch = SourceComparison['architectures'][number]['relocations']['apply'];

function switchJson({ entry, reached, cases, refusesOthers }: RelocationSwitch): object {
  return {
    function: entry,
    reached: reached ?? null,
    refusesOthers,
    cases: cases.map(({ name, number, file, line, label, ...one }) => ({
      name,
      number,
      function: one.function,
      file,
      line,
      conditions: describeConditions(label.conditions),
    })),
  };
}
