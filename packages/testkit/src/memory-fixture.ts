import { gunzipSync } from 'node:zlib';
import { KelpError, parseKernel, type Architecture, type Kernel } from '@kelp/core';
import { parseObjectFile } from '@kelp/core/elf';
import { loadModule, type LoadInput } from '@kelp/loader';
import type { Failure } from './failure.ts';

/** A module of a kernel that ran, with everything that loading it asks for, and its memory after it was loaded. */
export interface MemoryFixture {
  /** Where the memory comes from: `6.1.0-50-amd64, QEMU`. */
  readonly source: string;
  readonly release: string;
  /** Options that were asked for. */
  readonly configuration: Readonly<Record<string, string>>;
  readonly pageSize: number;
  readonly smp: boolean;
  readonly features: Readonly<Record<string, boolean>>;
  readonly values: Readonly<Record<string, string>>;
  readonly areas: Readonly<Record<string, string>>;
  readonly sections: Readonly<Record<string, string>>;
  readonly perCpu?: string;
  readonly symbols: Readonly<Record<string, string>>;
  /** Names of functions by address. */
  readonly functions: Readonly<Record<string, string>>;
  /** Answers to what the file does not decide, by `questionKey`. */
  readonly answers: Readonly<Record<string, string>>;
  /** The file, in base64. */
  readonly module: string;
  /** Read-only sections as they stood in memory. */
  readonly memory: readonly { readonly name: string; readonly address: string; readonly bytes: string }[];
}

/**
 * Read a compressed fixture.
 *
 * @throws KelpError `testkit/memory` for a file that is none.
 */
export function parseMemoryFixture(file: string, compressed: Uint8Array): MemoryFixture {
  try {
    const value: unknown = JSON.parse(gunzipSync(compressed).toString('utf8'));
    if (isFixture(value)) return value;
  } catch (error) {
    throw new KelpError('testkit/memory', 'not a compressed JSON file', { file }, { cause: error });
  }
  throw new KelpError('testkit/memory', 'lacks release, module or memory', { file });
}

/** The files are this project's own: what they are is told, not every member of them. */
function isFixture(value: unknown): value is MemoryFixture {
  return (
    typeof value === 'object' &&
    value !== null &&
    'release' in value &&
    typeof value.release === 'string' &&
    'module' in value &&
    typeof value.module === 'string' &&
    'memory' in value &&
    Array.isArray(value.memory)
  );
}

/** The kernel of a fixture, with the options that loading asks for. */
function kernelOf({ release, configuration }: MemoryFixture): Kernel {
  const options = Object.entries(configuration);
  return parseKernel(release, options.length === 0 ? undefined : new Map(options));
}

/** A fixture that is ready to be loaded. */
export interface MemoryTrial {
  readonly file: string;
  readonly input: Omit<LoadInput, 'architecture'>;
  readonly memory: readonly MemorySection[];
}

/** A section as it stood in memory. */
interface MemorySection {
  readonly name: string;
  readonly address: bigint;
  readonly bytes: Uint8Array;
}

/**
 * Make a fixture ready to be loaded, once for all loads.
 *
 * @throws KelpError for a module that cannot be parsed.
 */
export function openMemoryFixture(file: string, fixture: MemoryFixture): MemoryTrial {
  const memory = fixture.memory.map(({ name, address, bytes }) => ({
    name,
    address: BigInt(address),
    bytes: new Uint8Array(Buffer.from(bytes, 'base64')),
  }));
  return { file, input: loadInputOf(file, fixture), memory };
}

function loadInputOf(file: string, fixture: MemoryFixture): Omit<LoadInput, 'architecture'> {
  const { pageSize, smp, features, values, perCpu } = fixture;
  const functions = new Map(Object.entries(fixture.functions));
  const symbols = addresses(fixture.symbols);
  return {
    object: parseObjectFile(new Uint8Array(Buffer.from(fixture.module, 'base64')), file),
    kernel: kernelOf(fixture),
    machine: {
      pageSize,
      smp,
      feature: (name) => features[name],
      value: (name) => (values[name] === undefined ? undefined : BigInt(values[name])),
    },
    addresses: { areas: addresses(fixture.areas), sections: addresses(fixture.sections) },
    external: {
      address: (name) => symbols.get(name),
      functionAt: (address) => functions.get(`0x${address.toString(16)}`),
    },
    ...(perCpu === undefined ? {} : { perCpuAddress: BigInt(perCpu) }),
    answers: new Map(Object.entries(fixture.answers)),
  };
}

function addresses(texts: Readonly<Record<string, string>>): ReadonlyMap<string, bigint> {
  return new Map(Object.entries(texts).map(([name, address]) => [name, BigInt(address)]));
}

/** Loading the module gives the bytes that the kernel had in memory, all of them. */
export function* checkMemory(architecture: Architecture, trial: MemoryTrial): Generator<Failure> {
  const message = memoryDifference(architecture, trial);
  if (message !== undefined) yield { check: 'memory', message: `${trial.file}: ${message}` };
}

/**
 * Every step that patches something changes the memory of a fixture: without it the bytes would be others.
 *
 * @param unproven - names of steps that none of the machines takes.
 */
export function* checkSteps(
  architecture: Architecture,
  trials: readonly MemoryTrial[],
  unproven: ReadonlySet<string>,
): Generator<Failure> {
  const steps = new Set(
    architecture.finalization.flatMap((order) =>
      order.steps.flatMap(({ name, patch }) => (patch === undefined ? [] : [name])),
    ),
  );
  for (const step of steps) {
    const shown = provesStep(architecture, trials, step);
    if (!shown && !unproven.has(step))
      yield {
        check: 'steps',
        feature: `step/${step}`,
        message: 'no memory fixture differs without the step',
      };
  }
}

/** Whether some memory is as it is because of a finalization step. */
function provesStep(architecture: Architecture, trials: readonly MemoryTrial[], step: string): boolean {
  return trials.some((trial) => memoryDifference(architecture, trial, new Set([step])) !== undefined);
}

/** Where predicted and real memory differ first; undefined where they are the same. */
function memoryDifference(
  architecture: Architecture,
  { input, memory }: MemoryTrial,
  without: ReadonlySet<string> = new Set(),
): string | undefined {
  const { refused, image } = loadModule({ ...input, architecture, without });
  if (refused !== undefined)
    return `the kernel took it, the prediction is ${refused.errno}: ${refused.reason}`;
  for (const { name, address, bytes } of memory) {
    const predicted = image.read(address, bytes.length);
    const at = predicted === undefined ? 0 : bytes.findIndex((byte, index) => byte !== predicted[index]);
    if (at === -1) continue;
    const found = predicted?.slice(at, at + 8) ?? new Uint8Array();
    return `${name}+0x${at.toString(16)} is predicted as ${hex(found)}, memory has ${hex(bytes.subarray(at, at + 8))}`;
  }
  return undefined;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}
