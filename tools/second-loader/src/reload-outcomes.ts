import type { Architecture } from '@kelp/core';
import type { Case } from './cases.ts';
import { KelpPlay, type KelpOutcome } from './kelp-play.ts';

/** What becomes of one relocation when its module is loaded, removed, and loaded again somewhere else. */
export interface ReloadOutcome {
  readonly type: number;
  /** What is relocated, or what stands there: `.text`, `a call`. */
  readonly where: string;
  readonly outcome: string;
}

/** Cases that show the second application, by the pattern of their name behind architecture and series. */
const shown: readonly (readonly [RegExp, (match: RegExpExecArray) => string])[] = [
  [/^single\/\d+\/(\.text|\.rodata|\.data)\/strict$/u, ([, section = '']) => section],
  [/^single\/\d+\/\.data\/(far)\+0$/u, () => '.data out of reach'],
  [/^single\/\d+\/content\/(sibling)$/u, () => 'a branch without link, nothing is protected'],
];

/** What a case shows; undefined for one that is about something else, or whose module was not loaded twice. */
export function reloadOutcome(name: string, one: Case, folder: string): ReloadOutcome | undefined {
  const rest = name.split('/').slice(2).join('/');
  for (const [pattern, where] of shown) {
    const match = pattern.exec(rest);
    if (match === null) continue;
    const type = Number(rest.split('/')[1]);
    return { type, where: where(match), outcome: describe(one, folder) };
  }
  return undefined;
}

function describe(one: Case, folder: string): string {
  const kelp = new KelpPlay(one, folder);
  const [load, first, going, second] = one.steps.slice(0, 4).map((step) => kelp.step(step));
  if (load === undefined || first === undefined || going === undefined || second === undefined)
    return 'not played';
  const failed = failure(first);
  if (failed !== undefined) return `first: ${failed}`;
  return failure(second) ?? success(first, going, second);
}

function failure({ played, error }: KelpOutcome): string | undefined {
  if (played === undefined) return error;
  const { verdict, lost } = played;
  if (verdict.status === 'refused') return verdict.errno;
  if (verdict.status === 'fault') return 'dies';
  return lost.length > 0 ? 'not written' : undefined;
}

function success(first: KelpOutcome, going: KelpOutcome, second: KelpOutcome): string {
  if (second.misdirected > 0) return 'slot keeps the old address';
  if (going.changed > 0) return 'cleared, works';
  if (first.changed === 0 && second.changed === 0) return 'nothing to write';
  return second.leaked > 0 ? 'works, one more stub' : 'overwritten, works';
}

/**
 * The outcomes of an architecture as rows of a Markdown table: types with the same outcomes in all kernels share one, and
 * so do places.
 */
export function outcomeTable(
  architecture: Architecture,
  bySeries: ReadonlyMap<string, readonly ReloadOutcome[]>,
): readonly string[] {
  const series = [...bySeries.keys()];
  const cells = new Map<string, Map<string, string>>();
  for (const [one, outcomes] of bySeries)
    for (const { type, where, outcome } of outcomes)
      into(cells, `${type} ${where}`, () => new Map<string, string>()).set(one, outcome);
  // Types by place and outcomes, then places by types and outcomes.
  const types = new Map<string, string[]>();
  for (const [key, row] of cells) {
    const [type = '', ...where] = key.split(' ');
    const outcomes = series.map((one) => row.get(one) ?? '').join(' | ');
    into(types, `${where.join(' ')}\n${outcomes}`, () => []).push(shortName(architecture, Number(type)));
  }
  const places = new Map<string, string[]>();
  for (const [key, names] of types) {
    const [where = '', outcomes = ''] = key.split('\n');
    into(places, `${names.join(', ')}\n${outcomes}`, () => []).push(where);
  }
  return [
    `| types | place | ${series.join(' | ')} |`,
    `|---|---|${series.map(() => '---|').join('')}`,
    ...[...places].map(([key, where]) => {
      const [names = '', outcomes = ''] = key.split('\n');
      return `| ${names} | ${where.join(', ')} | ${outcomes} |`;
    }),
  ];
}

function into<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}

function shortName(architecture: Architecture, type: number): string {
  return (architecture.relocationType(type)?.name ?? String(type)).replace(/^R_[A-Z0-9]+(?:_64)?_/u, '');
}
