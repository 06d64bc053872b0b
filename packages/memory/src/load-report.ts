import type { LoadedModule } from '@kelp/loader';
import type { Block, Report } from '@kelp/report';

/** Version of the JSON of `kelp load`. */
export const loadSchema = 1;

/** Bytes and writes of one cause. */
interface CauseSums {
  readonly cause: string;
  readonly bytes: number;
  readonly writes: number;
}

function sumCauses({ image }: LoadedModule): readonly CauseSums[] {
  const sums = new Map<string, { bytes: number; writes: number }>();
  for (const { cause, length } of image.log.writes()) {
    const sum = sums.get(cause) ?? { bytes: 0, writes: 0 };
    sums.set(cause, { bytes: sum.bytes + length, writes: sum.writes + 1 });
  }
  return [...sums].map(([cause, sum]) => ({ cause, ...sum }));
}

/** What `kelp load` prints: layout, what was written and why, what the input did not decide. */
export function loadReport(file: string, loaded: LoadedModule): Report {
  const { image, refused, open } = loaded;
  const kinds = [...new Set(open.map(({ kind }) => kind))];
  const blocks: Block[] = [
    verdict(refused),
    {
      kind: 'table',
      caption: 'Layout',
      columns: ['area', 'section', 'address', 'bytes'].map((label) => ({ label })),
      rows: image.areas.flatMap(({ area, address }) =>
        area.placements.map(({ section, offset, size }) => ({
          cells: [
            area.name,
            { text: section.name, code: true },
            `0x${(address + BigInt(offset)).toString(16)}`,
            size,
          ],
        })),
      ),
    },
    {
      kind: 'table',
      caption: 'Written',
      columns: [{ label: 'cause' }, { label: 'bytes', align: 'right' }, { label: 'writes', align: 'right' }],
      rows: sumCauses(loaded).map(({ cause, bytes, writes }) => ({ cells: [cause, bytes, writes] })),
    },
    {
      kind: 'table',
      caption: 'Not decided by the input: of each a likely answer or the first possibility was taken',
      columns: ['kind', 'names', 'places'].map((label) => ({ label })),
      rows: kinds.map((kind) => {
        const places = open.filter((one) => one.kind === kind);
        return { cells: [kind, new Set(places.map(({ id }) => id)).size, places.length] };
      }),
      empty: 'nothing',
    },
  ];
  return { title: file, blocks };
}

function verdict(refused: LoadedModule['refused']): Block {
  if (refused === undefined) return { kind: 'paragraph', text: { text: 'Loaded.', tone: 'good' } };
  const { errno, phase, section, offset, symbol, reason } = refused;
  const place = [section, offset === undefined ? undefined : `0x${offset.toString(16)}`, symbol].filter(
    (part) => part !== undefined,
  );
  return {
    kind: 'paragraph',
    text: { text: `Refused with ${errno} in phase ${phase}: ${[...place, reason].join(': ')}`, tone: 'bad' },
  };
}

/** Plain data for `kelp load --json`. */
export function loadJson(file: string, loaded: LoadedModule): unknown {
  const { image, refused, open } = loaded;
  return {
    schema: loadSchema,
    file,
    refused: refused === undefined ? null : refusedJson(refused),
    areas: image.areas.map(({ area, address, bytes }) => ({
      name: area.name,
      address: `0x${address.toString(16)}`,
      bytes: bytes.length,
      sections: area.placements.map(({ section, offset, size }) => ({
        name: section.name,
        offset,
        bytes: size,
      })),
    })),
    written: sumCauses(loaded),
    open: open.map(({ kind, id, address }) => ({ kind, id, address: `0x${address.toString(16)}` })),
    findings: loaded.findings,
  };
}

function refusedJson({ value, sum, ...refused }: NonNullable<LoadedModule['refused']>): object {
  const hex = (number: bigint): string => `0x${BigInt.asUintN(64, number).toString(16)}`;
  return {
    ...refused,
    ...(value === undefined ? {} : { value: hex(value) }),
    ...(sum === undefined ? {} : { sum: hex(sum) }),
  };
}
