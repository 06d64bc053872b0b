/** How often one relocation type occurs, as `kelp scan --json` prints it. */
export interface RelocationCount {
  readonly type: number;
  readonly name: string | undefined;
  readonly count: number;
  readonly modules: number;
}

/** One section name over all modules. */
export interface SectionCount {
  readonly name: string;
  readonly modules: number;
  readonly bytes: number;
  /** Absent where the size of an entry is not known. */
  readonly entries: number | undefined;
  readonly special: boolean;
  readonly known: boolean;
}

/** Relocations of one type that apply to sections of one name. */
export interface RelocationsInSection {
  readonly section: string;
  readonly type: number;
  readonly count: number;
}

/** A file that could not be read. */
export interface FailedFile {
  readonly file: string;
  readonly code: string;
  readonly message: string;
}

/** What a scan found for one architecture. */
export interface ArchitectureCensus {
  readonly modules: number;
  readonly failed: readonly FailedFile[];
  readonly relocations: readonly RelocationCount[];
  readonly sections: readonly SectionCount[];
  readonly relocationsBySection: readonly RelocationsInSection[];
}

/**
 * Reads the output of `kelp scan --json` without any code of the toolkit, so that what it is compared with stays
 * independent of it.
 *
 * @returns one census per architecture ID.
 * @throws Error that names the field that is missing or of another kind.
 */
export function parseCensus(text: string): ReadonlyMap<string, ArchitectureCensus> {
  const root: unknown = JSON.parse(text);
  const architectures = record(field(root, 'architectures'), 'architectures');
  return new Map([...architectures].map(([id, value]) => [id, architectureCensus(value)]));
}

function architectureCensus(value: unknown): ArchitectureCensus {
  return {
    modules: numberField(value, 'modules'),
    failed: listField(value, 'failed').map((item) => ({
      file: textField(item, 'file'),
      code: textField(item, 'code'),
      message: textField(item, 'message'),
    })),
    relocations: listField(value, 'relocations').map((item) => ({
      type: numberField(item, 'type'),
      name: optionalText(item, 'name'),
      count: numberField(item, 'count'),
      modules: numberField(item, 'modules'),
    })),
    sections: listField(value, 'sections').map((item) => ({
      name: textField(item, 'name'),
      modules: numberField(item, 'modules'),
      bytes: numberField(item, 'bytes'),
      entries: field(item, 'entries') === null ? undefined : numberField(item, 'entries'),
      special: booleanField(item, 'special'),
      known: booleanField(item, 'known'),
    })),
    relocationsBySection: listField(value, 'relocationsBySection').map((item) => ({
      section: textField(item, 'section'),
      type: numberField(item, 'type'),
      count: numberField(item, 'count'),
    })),
  };
}

function record(value: unknown, name: string): ReadonlyMap<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return new Map(Object.entries(value));
  throw wrongField(name, 'an object', value);
}

function field(value: unknown, name: string): unknown {
  return record(value, `the value with the field ${name}`).get(name);
}

function listField(value: unknown, name: string): readonly unknown[] {
  const found = field(value, name);
  if (Array.isArray(found)) return found;
  throw wrongField(name, 'a list', found);
}

function numberField(value: unknown, name: string): number {
  const found = field(value, name);
  if (Number.isSafeInteger(found)) return Number(found);
  throw wrongField(name, 'an integer', found);
}

function textField(value: unknown, name: string): string {
  const found = field(value, name);
  if (typeof found === 'string') return found;
  throw wrongField(name, 'a text', found);
}

function optionalText(value: unknown, name: string): string | undefined {
  const found = field(value, name);
  if (found === undefined || found === null) return undefined;
  return textField(value, name);
}

function booleanField(value: unknown, name: string): boolean {
  const found = field(value, name);
  if (typeof found === 'boolean') return found;
  throw wrongField(name, 'true or false', found);
}

function wrongField(name: string, expected: string, found: unknown): Error {
  return new Error(`census: found ${JSON.stringify(found) ?? 'nothing'} as ${name}, expected ${expected}`);
}
