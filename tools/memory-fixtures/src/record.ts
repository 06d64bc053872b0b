// npm run memory-fixtures -- CAPTURE...
//
// Makes packages/testkit/fixtures/ARCH/memory/RELEASE-MODULE.json.gz from captures of kernel memory (tools/lab): real
// modules with everything that loading them asked for, and the bytes that the kernel had in memory afterwards. Of each
// capture those modules are taken that show every cause of a write, relocation type and special section in few bytes.

import { mkdirSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { gzipSync } from 'node:zlib';
import { FileReader } from '@kelp/census';
import { parseObjectFile } from '@kelp/core/elf';
import { loadModule, questionKey, type LoadInput } from '@kelp/loader';
import {
  addExportsOf,
  describeMachine,
  externalSymbols,
  isExplained,
  openCaptureFolder,
  unaidedInputOf,
  verifySnapshot,
  type CaptureFolder,
  type VerifiedModule,
} from '@kelp/memory';
import { architectures } from '../../../packages/cli/src/architectures.ts';
import type { MemoryFixture } from '../../../packages/testkit/src/index.ts';
import { repositoryPath } from '../../evidence/src/architectures.ts';

/** Bytes of file and memory that the modules of one capture may have together. */
const budget = 400_000;

const reader = new FileReader();

async function record(folder: string): Promise<void> {
  const snapshot = openCaptureFolder(folder);
  const verified: VerifiedModule[] = [];
  const answers = new Map<string, string>();
  const options = { architectures, moduleFile: (name: string) => moduleFile(snapshot, name) };
  for await (const result of verifySnapshot(snapshot, options)) {
    if ('error' in result) continue;
    for (const { kind, id, answer } of result.inferences) answers.set(questionKey({ kind, id }), answer);
    if (isExplained(result)) verified.push(result);
  }
  for (const module of choose(verified)) {
    const fixture = await fixtureOf(snapshot, module, answers, basename(folder));
    const home = repositoryPath(`packages/testkit/fixtures/${module.architecture.id}/memory`);
    mkdirSync(home, { recursive: true });
    const compressed = gzipSync(JSON.stringify(fixture), { level: 9 });
    writeFileSync(`${home}/${basename(folder)}-${module.name}.json.gz`, compressed);
    process.stdout.write(`${basename(folder)}: ${module.name}, ${compressed.length} bytes\n`);
  }
  snapshot.close();
}

async function moduleFile(
  { moduleFiles }: CaptureFolder,
  name: string,
): Promise<{ readonly file: string; readonly bytes: Uint8Array } | undefined> {
  const file = moduleFiles.get(name);
  return file === undefined ? undefined : { file, bytes: new Uint8Array(await reader.read(file)) };
}

/** Modules that show in the fewest bytes what any module shows: greedily the cheapest one for each new thing. */
function choose(modules: readonly VerifiedModule[]): readonly VerifiedModule[] {
  const shown = new Map(modules.map((module) => [module, thingsShown(module)]));
  const seen = new Set<string>();
  const chosen: VerifiedModule[] = [];
  for (let left = budget; ;) {
    const gains = modules
      .map((module) => ({
        module,
        cost: bytesOf(module),
        gain: [...(shown.get(module) ?? [])].filter((thing) => !seen.has(thing)).length,
      }))
      .filter(({ gain, cost }) => gain > 0 && cost <= left)
      .toSorted((a, b) => b.gain / b.cost - a.gain / a.cost);
    const [best] = gains;
    if (best === undefined) return chosen;
    left -= best.cost;
    chosen.push(best.module);
    for (const thing of shown.get(best.module) ?? []) seen.add(thing);
  }
}

function bytesOf({ loaded, sections }: VerifiedModule): number {
  return (
    sections.reduce((sum, { bytes }) => sum + bytes, 0) +
    loaded.image.object.sections.reduce((sum, { size, occupiesFile }) => sum + (occupiesFile ? size : 0), 0)
  );
}

/** Causes of writes and special sections among the compared ones, and relocation types that land there. */
function thingsShown({ architecture, loaded, sections }: VerifiedModule): ReadonlySet<string> {
  const { object, kernel } = loaded.image;
  const compared = new Set(sections.map(({ name }) => name));
  const types = object.sections.flatMap((section) => {
    const relocations = compared.has(object.sections[section.info]?.name ?? '')
      ? object.relocations(section)
      : undefined;
    return Array.from(
      { length: relocations?.count ?? 0 },
      (_, index) => `type ${relocations?.type(index) ?? 0}`,
    );
  });
  return new Set([
    ...sections.flatMap(({ explained }) => explained.map(({ cause }) => `cause ${cause}`)),
    ...[...compared].flatMap((name) =>
      architecture.specialSection(name, kernel) === undefined ? [] : [`section ${name}`],
    ),
    ...types,
  ]);
}

async function fixtureOf(
  snapshot: CaptureFolder,
  verified: VerifiedModule,
  inferred: ReadonlyMap<string, string>,
  run: string,
): Promise<MemoryFixture> {
  const { name, architecture, sections } = verified;
  const module = snapshot.modules.find((one) => one.name === name);
  const found = await moduleFile(snapshot, name);
  if (module === undefined || found === undefined) throw new Error(`${name} is gone`);
  const exported = new Map<string, bigint>();
  for (const earlier of snapshot.modules.slice(0, snapshot.modules.indexOf(module))) {
    const file = await moduleFile(snapshot, earlier.name);
    if (file !== undefined) addExportsOf(exported, parseObjectFile(file.bytes, file.file), earlier);
  }
  const object = parseObjectFile(found.bytes, found.file);
  const described = describeMachine(snapshot, architecture);
  const external = externalSymbols(snapshot, exported);
  const plain = unaidedInputOf({ module, object, architecture, described, external });
  const input: LoadInput = { ...plain, answers: new Map([...inferred, ...(plain.answers ?? [])]) };
  const asked = new Recorder(input);
  loadModule(asked.input);
  return {
    source: `${snapshot.release}, ${run}`,
    release: snapshot.release,
    configuration: {},
    pageSize: input.machine.pageSize,
    smp: input.machine.smp,
    ...asked.answers(),
    areas: texts(input.addresses.areas ?? new Map()),
    sections: texts(input.addresses.sections ?? new Map()),
    ...(input.perCpuAddress === undefined ? {} : { perCpu: hex(input.perCpuAddress) }),
    module: Buffer.from(found.bytes).toString('base64'),
    memory: sections.map(({ name: section, address, bytes }) => ({
      name: section,
      address: hex(address),
      bytes: Buffer.from(snapshot.memory.read(address, bytes) ?? []).toString('base64'),
    })),
  };
}

/** Lets a load run, and remembers what it asked for. */
class Recorder {
  readonly input: LoadInput;
  readonly #features = new Map<string, boolean>();
  readonly #values = new Map<string, bigint>();
  readonly #symbols = new Map<string, bigint>();
  readonly #functions = new Map<string, string>();
  readonly #answers = new Map<string, string>();

  constructor(input: LoadInput) {
    const { machine, external } = input;
    const note = <Key, Value>(
      map: Map<Key, Value>,
      key: Key,
      value: Value | undefined,
    ): Value | undefined => {
      if (value !== undefined) map.set(key, value);
      return value;
    };
    this.input = {
      ...input,
      machine: {
        pageSize: machine.pageSize,
        smp: machine.smp,
        feature: (name) => note(this.#features, name, machine.feature(name)),
        value: (name) => note(this.#values, name, machine.value(name)),
      },
      external: {
        address: (name) => note(this.#symbols, name, external.address(name)),
        functionAt: (address) => note(this.#functions, hex(address), external.functionAt(address)),
      },
      witness: (question, { answer }) => this.#answers.set(questionKey(question), answer),
    };
  }

  answers(): Pick<MemoryFixture, 'features' | 'values' | 'symbols' | 'functions' | 'answers'> {
    // Layout is planned with answers that no question asks for.
    const answers = new Map(this.#answers);
    for (const [key, answer] of this.input.answers ?? [])
      if (key.startsWith('feature ')) answers.set(key, answer);
    return {
      features: Object.fromEntries(this.#features),
      values: texts(this.#values),
      symbols: texts(this.#symbols),
      functions: Object.fromEntries(this.#functions),
      answers: Object.fromEntries(answers),
    };
  }
}

function texts(map: ReadonlyMap<string, bigint>): Record<string, string> {
  return Object.fromEntries([...map].map(([name, value]) => [name, hex(value)]));
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}

for (const folder of process.argv.slice(2)) await record(folder);
