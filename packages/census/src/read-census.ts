import { readFileSync } from 'node:fs';
import { fileError, KelpError } from '@kelp/core';
import { censusSchema, type Census } from './census.ts';
import { keyKinds } from './patching-costs.ts';
import { targetKinds } from './section-shape.ts';

/**
 * Read a census that `kelp scan --json` wrote.
 *
 * @throws KelpError `census/damaged` if it is no census, `census/schema` if it is of another version, `file/...`.
 */
export function readCensus(file: string): Census {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw fileError(error, file);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new KelpError(
      'census/damaged',
      'not a JSON file; expected the output of kelp scan --json',
      { file },
      { cause: error },
    );
  }
  if (!isRecord(value) || !('schema' in value))
    throw new KelpError('census/damaged', 'not a census: no schema', { file });
  if (value['schema'] !== censusSchema) {
    throw new KelpError(
      'census/schema',
      `census schema is ${JSON.stringify(value['schema'])}, expected ${censusSchema}: another version of Kelp wrote it, scan the modules again`,
      { file },
    );
  }
  if (!isCensus(value))
    throw new KelpError('census/damaged', 'the census lacks lists that every census has', { file });
  return value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCensus(
  value: Readonly<Record<string, unknown>>,
): value is Readonly<Record<string, unknown>> & Census {
  const { architectures, failed } = value;
  if (!isRecord(architectures) || !isList(failed, failedFile)) return false;
  return Object.values(architectures).every(
    (one) => isCounts(one) && isRecord(one) && allCounts(one['kernels']),
  );
}

function allCounts(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every(
      (one) =>
        isCounts(one) &&
        isRecord(one) &&
        isText(one['release']) &&
        isFunctions(one['functions']) &&
        isList(one['shapes'], shapeCount),
    )
  );
}

function isCounts(value: unknown): boolean {
  if (!isRecord(value) || !isCount(value['modules']) || !isCount(value['images'])) return false;
  return (
    isList(value['failed'], failedFile) &&
    isList(value['relocations'], { type: isCount, name: isText, count: isCount, modules: isCount }) &&
    isList(value['sections'], sectionCount) &&
    isList(value['relocationsBySection'], { section: isText, type: isCount, count: isCount })
  );
}

function isFunctions(value: unknown): boolean {
  return (
    isRecord(value) &&
    isList(value['subsystems'], subsystemCount) &&
    isList(value['sections'], functionSectionCount) &&
    isList(value['keys'], keyUse) &&
    isTexts(value['exports'])
  );
}

/** Checks of the members of an object, by name. */
type Shape = Readonly<Record<string, (value: unknown) => boolean>>;

const failedFile: Shape = { file: isText, code: isText, message: isText };

const sectionCount: Shape = {
  name: isText,
  modules: isCount,
  bytes: isCount,
  entries: (value) => value === null || isCount(value),
  special: isFlag,
  known: isFlag,
};

const subsystemCount: Shape = {
  subsystem: isText,
  modules: isCount,
  functions: isCount,
  keyed: isCount,
  losing: isCount,
};

const functionSectionCount: Shape = {
  subsystem: isText,
  section: isText,
  functions: isCount,
  entries: isCount,
  outside: isCount,
};

const keyUse: Shape = {
  module: isText,
  table: isText,
  key: isText,
  kind: (value) => keyKinds.some((kind) => kind === value),
  external: isFlag,
  functions: isTexts,
};

const placeCount: Shape = {
  stride: isCount,
  offset: isCount,
  code: isCount,
  readOnly: isCount,
  writable: isCount,
  external: isCount,
};

const shapeCount: Shape = {
  section: isText,
  relocated: isCount,
  bytes: isCount,
  unit: isCount,
  headers: (value) =>
    isList(value, { type: isCount, flags: isHexadecimal, entrySize: isCount, modules: isCount }),
  layouts: (value) => isList(value, { size: isCount, fields: isText, modules: isCount }),
  targets: (value) => isList(value, { section: isText, kind: isTargetKind, count: isCount }),
  places: (value) => isList(value, placeCount),
};

function isTargetKind(value: unknown): boolean {
  return targetKinds.some((kind) => kind === value);
}

function isHexadecimal(value: unknown): boolean {
  return typeof value === 'string' && /^0x[0-9a-f]{1,16}$/u.test(value);
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(isText);
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isFlag(value: unknown): boolean {
  return typeof value === 'boolean';
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isList(value: unknown, shape: Shape): boolean {
  if (!Array.isArray(value)) return false;
  const members = Object.entries(shape);
  return value.every((one: unknown) => isRecord(one) && members.every(([name, check]) => check(one[name])));
}
