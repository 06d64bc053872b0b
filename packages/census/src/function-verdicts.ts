import type { FunctionCounts, KeyUseCount, SubsystemCount } from './census.ts';
import { compareText } from './compare-text.ts';
import { subsystemOf } from './function-inventory.ts';
import { isLeftOut, type KeyKind } from './patching-costs.ts';

/**
 * What the livepatch tools do with a function because of where its keys live: `refused` for a key of a module,
 * `unrecognized` for a pr_debug() that is taken for such a key, `losing` where tracepoints or pr_debug() are left out.
 */
export type FunctionVerdict = 'refused' | 'unrecognized' | 'losing';

/** A key that decides about a function. */
interface DecidingKey {
  readonly table: string;
  readonly key: string;
  readonly kind: KeyKind;
  /** Another module than the function's own exports it. */
  readonly external: boolean;
}

/** A function that cannot be patched as it is, and why. Names are untrusted. */
export interface JudgedFunction {
  readonly module: string;
  readonly function: string;
  readonly verdict: FunctionVerdict;
  readonly keys: readonly DecidingKey[];
}

/** Functions of a subsystem by verdict. */
interface JudgedSubsystem extends SubsystemCount {
  readonly refused: number;
  readonly unrecognized: number;
}

/** Verdicts about the functions of one kernel's modules. */
export interface FunctionVerdicts {
  readonly functions: number;
  readonly keyed: number;
  readonly losing: number;
  /** Functions that are refused or unrecognized, by module and name; a module merged twice stands twice. */
  readonly list: readonly JudgedFunction[];
  readonly subsystems: readonly JudgedSubsystem[];
}

/** Judge the functions of one kernel; whose key it is, its own modules' exports tell. */
export function judgeFunctions(counts: FunctionCounts): FunctionVerdicts {
  const judged = judgedFunctions(counts);
  const bySubsystem = new Map<string, Record<FunctionVerdict, number>>();
  for (const { module, verdict } of judged) {
    const subsystem = subsystemOf(module);
    let sums = bySubsystem.get(subsystem);
    if (sums === undefined) bySubsystem.set(subsystem, (sums = { refused: 0, unrecognized: 0, losing: 0 }));
    sums[verdict]++;
  }
  const subsystems = counts.subsystems.map((row) => {
    const sums = bySubsystem.get(row.subsystem) ?? { refused: 0, unrecognized: 0, losing: 0 };
    return { ...row, ...sums, losing: row.losing + sums.losing };
  });
  const total = (count: (row: JudgedSubsystem) => number): number =>
    subsystems.reduce((sum, row) => sum + count(row), 0);
  return {
    functions: total(({ functions }) => functions),
    keyed: total(({ keyed }) => keyed),
    losing: total(({ losing }) => losing),
    list: judged.filter(({ verdict }) => verdict !== 'losing'),
    subsystems,
  };
}

function judgedFunctions({ keys, exports }: FunctionCounts): readonly JudgedFunction[] {
  const exported = new Set(exports);
  const inModules = keys.filter(({ external, key }) => !external || exported.has(key));
  const judged: JudgedFunction[] = [];
  for (const [module, uses] of groupBy(inModules, (use) => use.module)) {
    for (const { name, keys: deciding, copies } of functionsOf(uses)) {
      const verdict = verdictOf(deciding);
      // Those that have a part in the verdict.
      const why = deciding.filter((one) => verdictOf([one]) === verdict);
      for (let copy = 0; copy < copies; copy++) judged.push({ module, function: name, verdict, keys: why });
    }
  }
  return judged.toSorted((a, b) => compareText(a.module, b.module) || compareText(a.function, b.function));
}

/** A module that was merged twice has each row twice: its functions count twice. */
function functionsOf(
  uses: readonly KeyUseCount[],
): readonly { readonly name: string; readonly keys: readonly DecidingKey[]; readonly copies: number }[] {
  const functions = new Map<string, { readonly keys: Map<string, DecidingKey & { copies: number }> }>();
  for (const { table, key, kind, external, functions: names } of uses) {
    for (const name of names) {
      let found = functions.get(name);
      if (found === undefined) functions.set(name, (found = { keys: new Map() }));
      const id = JSON.stringify([table, key, kind, external]);
      const before = found.keys.get(id);
      if (before === undefined) found.keys.set(id, { table, key, kind, external, copies: 1 });
      else before.copies++;
    }
  }
  return [...functions].map(([name, { keys }]) => ({
    name,
    keys: [...keys.values()].map(({ table, key, kind, external }) => ({ table, key, kind, external })),
    copies: [...keys.values()].reduce((most, { copies }) => Math.max(most, copies), 0),
  }));
}

/** The verdict about a function with these keys, all of which live in modules. */
export function verdictOf(keys: readonly Pick<DecidingKey, 'kind'>[]): FunctionVerdict {
  if (keys.some(({ kind }) => kind === 'key')) return 'refused';
  return keys.every(({ kind }) => isLeftOut(kind)) ? 'losing' : 'unrecognized';
}

function groupBy<Row>(
  rows: readonly Row[],
  group: (row: Row) => string,
): ReadonlyMap<string, readonly Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const found = groups.get(group(row));
    if (found === undefined) groups.set(group(row), [row]);
    else found.push(row);
  }
  return groups;
}
