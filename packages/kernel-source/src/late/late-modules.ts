import { tokenize } from '../c/tokens.ts';
import type { CFile } from '../c/c-file.ts';
import { macrosOf } from '../c/condition.ts';
import type { ConditionalToken } from '../c/preprocess.ts';
import { findDefinitions } from '../c/structures.ts';
import { callSite } from './call-site.ts';
import {
  assumptions as genericAssumptions,
  entryPoints,
  stageNames,
  watchedStructure,
  type Assumption,
  type EntryPoint,
  type Stage,
} from './entry-points.ts';
import { linesOf, type LateCode, type StayingCode } from './late-code.ts';
import { declarationsOf, nameOf, type Program, type ProgramFunction } from './program.ts';
import type { ParameterConstants, References } from './references.ts';
import { Settling } from './settling.ts';

/** What the thought experiment finds. */
export interface LateFindings {
  readonly code: readonly LateCode[];
  readonly staying: readonly StayingCode[];
}

/** Find the code of a program that exists only because modules may be patched after a livepatch was loaded. */
export function findLateCode(program: Program, assumptions: readonly Assumption[]): LateFindings {
  return new LateSearch(program, [...genericAssumptions, ...assumptions]).run();
}

class LateSearch {
  readonly #program: Program;
  readonly #assumptions: readonly Assumption[];
  readonly #baseline: References;
  readonly #baselineDead: ReadonlySet<ConditionalToken>;
  readonly #baselineParameters: ParameterConstants;
  readonly #late = new Set<string>();
  readonly #lateFields = new Set<string>();
  readonly #settling: Settling;
  readonly #code: LateCode[] = [];
  readonly #staying: StayingCode[] = [];
  /** Tokens and declarations that were found. */
  readonly #seen = new Set<unknown>();
  readonly #fields: ReadonlyMap<string, ConditionalToken>;

  constructor(program: Program, assumptions: readonly Assumption[]) {
    this.#program = program;
    this.#assumptions = assumptions;
    this.#settling = new Settling(program);
    const settled = this.#settling.settle(this.#late, []);
    this.#baseline = settled.references;
    this.#baselineDead = new Set(
      [...this.#baseline.bodies.values()].flatMap(({ dead }) => dead.flatMap(({ tokens }) => tokens)),
    );
    this.#baselineParameters = settled.parameters;
    this.#fields = watchedFields(program.files);
  }

  run(): LateFindings {
    for (const stage of stageNames) this.#runStage(stage);
    return { code: this.#code, staying: this.#staying };
  }

  #runStage(stage: Stage): void {
    const reached = new Set(stageNames.slice(0, stageNames.indexOf(stage) + 1));
    const assumed = this.#assumptions.filter((one) => reached.has(one.stage));
    for (const entry of entryPoints) {
      if (entry.stage === stage && entry.fills === undefined)
        this.#goesByName(entry.function, stage, entry.reason);
    }
    let { references, parameters } = this.#settling.settle(this.#late, assumed);
    for (let before = -1; before !== this.#late.size + this.#lateFields.size;) {
      before = this.#late.size + this.#lateFields.size;
      this.#unusedFunctions(references, stage);
      this.#fieldsOf(references, stage, entryPoints);
      ({ references, parameters } = this.#settling.settle(this.#late, assumed));
    }
    this.#reportParameters(parameters, stage);
    this.#reportDead(references, stage);
    this.#reportMacros(stage);
    this.#reportSites(references, stage);
    this.#reportStructures(references, stage);
    this.#reportStaying(references, stage);
  }

  #goesByName(name: string, stage: Stage, reason: string): void {
    for (const key of this.#program.keysOf(name)) this.#goes(key, stage, reason);
  }

  /** A function goes: its definitions and declarations. */
  #goes(key: string, stage: Stage, reason: string): void {
    if (this.#late.has(key) || !this.#program.functions.has(key)) return;
    this.#late.add(key);
    for (const { file, definition } of this.#program.functions.get(key) ?? []) {
      const lines = [{ first: definition.line, last: definition.endLine }];
      this.#code.push({ stage, kind: 'function', name: definition.name, file, lines, reason });
    }
    const name = nameOf(key);
    for (const file of this.#program.files) {
      if (key.includes(' ') && !key.startsWith(`${file.path} `)) continue;
      for (const tokens of declarationsOf(this.#program.fileLevel(file), name)) {
        this.#code.push({
          stage,
          kind: 'declaration',
          name,
          file: file.path,
          lines: linesOf(tokens),
          reason: 'Its declaration.',
        });
      }
    }
  }

  /** Functions that were used and are used no more. */
  #unusedFunctions({ uses }: References, stage: Stage): void {
    for (const key of this.#program.functions.keys()) {
      if (this.#late.has(key) || (uses.get(key) ?? []).some(({ by }) => by.key !== key)) continue;
      const users = this.#usersBefore(key);
      if (users.length === 0 || this.#settling.isNamedElsewhere(key)) continue;
      this.#goes(key, stage, `Only ${users.join(', ')} used it.`);
    }
  }

  #usersBefore(key: string): readonly string[] {
    const before = (this.#baseline.uses.get(key) ?? []).filter(({ by }) => by.key !== key);
    return [...new Set(before.map(({ by }) => `${by.definition.name}()`))];
  }

  #fieldsOf(references: References, stage: Stage, entries: readonly EntryPoint[]): void {
    for (const [name, declaration] of this.#fields) {
      if (this.#lateFields.has(name)) continue;
      const keepers = entries.filter(
        (one) => one.stage === stage && one.fills?.endsWith(`.${name}`) === true,
      );
      const keeping = new Set(keepers.map((one) => one.function));
      const before = this.#baseline.fields.get(name) ?? [];
      const now = (references.fields.get(name) ?? []).filter(({ by }) => !keeping.has(by.key));
      const wrote = before.some(({ writes }) => writes);
      const unread = keepers.length > 0 && now.length === 0;
      const unwritten = keepers.length === 0 && wrote && !now.some(({ writes }) => writes);
      if (!unread && !unwritten) continue;
      this.#lateFields.add(name);
      const gone = before.filter(({ by, writes }) => (unread ? !keeping.has(by.key) : writes));
      const who = [...new Set(gone.map(({ by }) => `${by.definition.name}()`))].join(', ');
      const reason = unread ? `Only ${who} read it.` : `Only ${who} wrote it.`;
      const { file, name: structure } = watchedStructure;
      this.#code.push({
        stage,
        kind: 'field',
        name: `${structure}.${name}`,
        file,
        lines: linesOf([declaration]),
        reason,
      });
      for (const entry of keepers) this.#goesByName(entry.function, stage, entry.reason);
      for (const { by, token, writes } of now)
        if (!writes) this.#add(stage, 'branch', name, by, [token], `${name} is never set.`);
    }
  }

  #add(
    stage: Stage,
    kind: LateCode['kind'],
    name: string,
    { file, definition }: ProgramFunction,
    tokens: readonly ConditionalToken[],
    reason: string,
  ): void {
    const fresh = tokens.filter((token) => !this.#seen.has(token));
    if (fresh.length === 0) return;
    for (const token of tokens) this.#seen.add(token);
    this.#code.push({ stage, kind, name, file, in: definition.name, lines: linesOf(fresh), reason });
  }

  #reportParameters(parameters: ParameterConstants, stage: Stage): void {
    for (const [key, constants] of parameters) {
      const [by] = this.#program.functions.get(key) ?? [];
      for (const [name, value] of constants) {
        if (by === undefined || this.#baselineParameters.get(key)?.get(name) === value) continue;
        const token = by.definition.parameters.findLast(({ text }) => text === name);
        const reason = `Every remaining call passes ${value}.`;
        if (token !== undefined) this.#add(stage, 'parameter', name, by, [token], reason);
      }
    }
  }

  #reportDead({ bodies }: References, stage: Stage): void {
    for (const [by, { dead }] of bodies) {
      for (const { kind, tokens, what } of dead) {
        if (tokens.every((token) => this.#baselineDead.has(token))) continue;
        const reason =
          kind === 'branch' ? `${what} is decided: this never runs.` : `${what} always has the same value.`;
        this.#add(stage, 'branch', what, by, tokens, reason);
      }
    }
  }

  /** Macros that hold an assumed expression choose nothing any more. */
  #reportMacros(stage: Stage): void {
    for (const file of this.#program.files) {
      const holding = this.#assumptions.filter(
        (one) => one.stage === stage && one.files?.includes(file.path) === true,
      );
      for (const token of file.tokens) {
        const [, name, body = ''] = /^#\s*define\s+(\w+)\([^)]*\)\s*(.*)$/su.exec(token.text) ?? [];
        if (name === undefined || this.#seen.has(token)) continue;
        const texts = ` ${tokenize(body)
          .map(({ text }) => text)
          .join(' ')} `;
        const assumed = holding.find(({ expression }) => texts.includes(` ${expression} `));
        if (assumed === undefined) continue;
        this.#seen.add(token);
        this.#code.push({
          stage,
          kind: 'branch',
          name,
          file: file.path,
          lines: linesOf([token]),
          reason: assumed.reason,
        });
      }
    }
  }

  /** Calls of what goes in what stays. */
  #reportSites({ bodies, uses }: References, stage: Stage): void {
    for (const key of this.#late) {
      for (const { by, token } of uses.get(key) ?? []) {
        if (!bodies.has(by) || this.#seen.has(token)) continue;
        this.#add(
          stage,
          'call',
          nameOf(key),
          by,
          callSite(by.statements, token),
          `${nameOf(key)}() is gone.`,
        );
      }
    }
  }

  /** Structures that only fields that go are made of. */
  #reportStructures({ bodies }: References, stage: Stage): void {
    for (const name of this.#lateFields) {
      const field = this.#fields.get(name);
      const file = this.#program.files.find(({ path }) => path === watchedStructure.file);
      if (field === undefined || file === undefined) continue;
      const at = file.tokens.indexOf(field);
      const type = /^struct$/u.test(file.tokens[at - 3]?.text ?? '') ? file.tokens[at - 2] : undefined;
      if (type === undefined || this.#seen.has(`structure ${type.text}`)) continue;
      const [definition] = findDefinitions(file.tokens, type.text);
      const used = [...bodies].some(
        ([by, { live }]) => !this.#late.has(by.key) && live.some(({ text }) => text === type.text),
      );
      if (definition === undefined || used || this.#program.usedOutside(type.text) !== undefined) continue;
      this.#seen.add(`structure ${type.text}`);
      this.#code.push({
        stage,
        kind: 'structure',
        name: type.text,
        file: file.path,
        lines: linesOf(definition),
        reason: `Only ${watchedStructure.name}.${name} is made of it.`,
      });
    }
  }

  #reportStaying(references: References, stage: Stage): void {
    for (const { stage: of, function: name, fills, reason } of entryPoints) {
      const field = fills?.split('.')[1];
      if (of !== stage || field === undefined || this.#late.has(name) || !this.#program.functions.has(name))
        continue;
      const keepers = new Set(entryPoints.filter((one) => one.fills === fills).map((one) => one.function));
      const readers = (references.fields.get(field) ?? []).filter(({ by }) => !keepers.has(by.key));
      const who = [...new Set(readers.map(({ by }) => `${by.definition.name}() in ${by.file}`))].join(', ');
      this.#staying.push({ stage, name, reason: `${reason} But ${who} uses ${field} too.` });
    }
    for (const key of this.#program.functions.keys()) {
      const users = this.#usersBefore(key);
      const unused = (references.uses.get(key) ?? []).every(({ by }) => by.key === key);
      if (this.#late.has(key) || users.length === 0 || !unused || this.#seen.has(`stays ${key}`)) continue;
      const outside = this.#program.usedOutside(key);
      if (outside === undefined) continue;
      this.#seen.add(`stays ${key}`);
      this.#staying.push({
        stage,
        name: nameOf(key),
        reason: `Only ${users.join(', ')} used it here, but ${outside} names it.`,
      });
    }
  }
}

/** Fields of the watched structure that stand under its option. */
function watchedFields(files: readonly CFile[]): ReadonlyMap<string, ConditionalToken> {
  const file = files.find(({ path }) => path === watchedStructure.file);
  const [definition = []] = file === undefined ? [] : findDefinitions(file.tokens, watchedStructure.name);
  const fields = new Map<string, ConditionalToken>();
  for (const [at, token] of definition.entries()) {
    const optional = token.conditions.some((condition) =>
      macrosOf(condition).includes(watchedStructure.option),
    );
    if (optional && token.kind === 'word' && definition[at + 1]?.text === ';') fields.set(token.text, token);
  }
  return fields;
}
