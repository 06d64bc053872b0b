import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isKelpError, parseSeries, requireArchitecture, type Architecture, type Machine } from '@kelp/core';
import { parseObjectFile } from '@kelp/core/elf';
import {
  PatchedKernel,
  readLivepatch,
  strategyNamed,
  type ModuleSymbols,
  type Played,
} from '@kelp/livepatch';
import { arm64 } from '@kelp/arm64';
import { ppc64le } from '@kelp/ppc64le';
import { s390x } from '@kelp/s390x';
import { x86 } from '@kelp/x86';
import type { Case, Step } from './cases.ts';

export const architectures: readonly Architecture[] = [x86, ppc64le, s390x, arm64];

/** The memory of the livepatch by area. */
export type Memories = ReadonlyMap<string, { readonly address: bigint; readonly bytes: Uint8Array }>;

/** What Kelp says of one step. */
export interface KelpOutcome {
  readonly played: Played | undefined;
  /** Kelp itself failed. */
  readonly error: string | undefined;
  readonly memories: Memories;
  /** Bytes that the step changed in a livepatch that was there before. */
  readonly changed: number;
  /** Slots in use that lead to an earlier load of the module. */
  readonly misdirected: number;
  /** Slots that nothing uses. */
  readonly leaked: number;
}

/** Plays a case as `kelp lifecycle` does, one outcome at a time, under the strategy of the kernel. */
export class KelpPlay {
  readonly #kernel: PatchedKernel;

  constructor(one: Case, folder: string) {
    const { patch, exports } = one;
    const object = parseObjectFile(readFileSync(join(folder, patch.file)), patch.file);
    const livepatch = readLivepatch(object);
    if (livepatch === undefined) throw new Error(`${patch.file} is no livepatch`);
    const configuration = new Map(one.config.map((option) => [option, 'y']));
    const vmlinux = new Map<string, bigint[]>();
    for (const [name, address] of one.vmlinux) addTo(vmlinux, name, BigInt(address));
    for (const addresses of vmlinux.values()) addresses.sort((a, b) => (a < b ? -1 : Number(a > b)));
    for (const [name, address] of Object.entries(exports))
      if (!vmlinux.has(name)) addTo(vmlinux, name, BigInt(address));
    const areas = new Map(Object.entries(patch.memories).map(([name, base]) => [name, BigInt(base)]));
    this.#kernel = new PatchedKernel(
      {
        architecture: requireArchitecture(object, architectures),
        kernel: parseSeries(one.series, configuration),
        machine: machineOf(one),
        moduleArea: 0n,
        vmlinux: (name) => vmlinux.get(name) ?? [],
      },
      strategyNamed('kernel'),
      { name: patch.name, object, livepatch },
      () => ({ areas }),
    );
  }

  step(step: Step): KelpOutcome {
    try {
      return { played: this.#play(step), error: undefined, ...this.#after() };
    } catch (error) {
      if (!isKelpError(error)) throw error;
      return { played: undefined, error: `${error.code}: ${error.message}`, ...this.#after() };
    }
  }

  #after(): Omit<KelpOutcome, 'error' | 'played'> {
    return {
      memories: this.#memories(),
      changed: this.#kernel.changes().reduce((sum, change) => sum + change.new.length, 0),
      misdirected: this.#kernel.misdirected().length,
      leaked: this.#kernel.leaked().length,
    };
  }

  #play(step: Step): Played {
    switch (step.do) {
      case 'load':
        return this.#kernel.loadPatch();
      case 'disable':
        return this.#kernel.disable();
      case 'going':
        return this.#kernel.goes(step.module);
      case 'coming':
        return this.#kernel.comes(step.module, symbolsOf(step.symbols));
    }
  }

  #memories(): Memories {
    const [loaded] = this.#kernel.loaded;
    return new Map(
      (loaded?.image.areas ?? []).map(({ area, address, bytes }) => [area.name, { address, bytes }]),
    );
  }
}

function addTo(map: Map<string, bigint[]>, name: string, address: bigint): void {
  const known = map.get(name);
  if (known === undefined) map.set(name, [address]);
  else known.push(address);
}

function symbolsOf(list: (Step & { readonly do: 'coming' })['symbols']): ModuleSymbols {
  const [coming, live] = [new Map<string, bigint[]>(), new Map<string, bigint[]>()];
  for (const [name, address, init] of list) {
    addTo(coming, name, BigInt(address));
    if (init === undefined) addTo(live, name, BigInt(address));
  }
  return { coming: (name) => coming.get(name) ?? [], live: (name) => live.get(name) ?? [] };
}

function machineOf({ machine, config }: Case): Machine {
  const features = new Map([
    ['WORKAROUND_843419', machine.workaround_843419 === true],
    ['expoline', config.includes('EXPOLINE') && machine.nospec_disable !== true],
  ]);
  const toc = machine.kernel_toc;
  return {
    pageSize: machine.page_size,
    smp: true,
    feature: (name) => features.get(name),
    value: (name) => (name === 'kernel-toc' && toc !== undefined ? BigInt(toc) : undefined),
  };
}
