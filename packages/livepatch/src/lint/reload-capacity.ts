import { isKelpError } from '@kelp/core';
import {
  LateRelocations,
  layOutModule,
  loadModule,
  placeConsecutively,
  type LivepatchSymbols,
} from '@kelp/loader';
import { unknownMachine, type LintContext } from './context.ts';

/** Where module and symbols stand does not matter, as long as everything is in reach. */
const base = 0x4000_0000n;
const symbolBase = base + 0x1000_0000n;

/** Reloads that are tried at most. */
const patience = 32;

/** Positions of equal names that are played at most. */
const positions = 1000n;

/**
 * Which reload of a target, each at other addresses, is the first to be refused because stubs have run out; undefined
 * where none of the first is, and where the module cannot be played.
 */
export function firstExhaustion(context: LintContext, object: string): number | undefined {
  try {
    return playReloads(context, object);
  } catch (error) {
    // A file that is damaged where no rule looks.
    if (isKelpError(error)) return undefined;
    throw error;
  }
}

function playReloads(context: LintContext, object: string): number | undefined {
  const places = symbolPlaces(context);
  if (places === undefined) return undefined;
  const { architecture, kernel, plan } = context;
  const { pageSize } = unknownMachine;
  const areas = layOutModule(context.object, kernel, pageSize, plan);
  const names = new Map<string, bigint>();
  const loaded = loadModule({
    object: context.object,
    architecture,
    kernel,
    machine: unknownMachine,
    addresses: { areas: placeConsecutively(areas, base, pageSize) },
    external: {
      address(name) {
        const known = names.get(name) ?? base - 0x100_0000n - BigInt(names.size) * 64n;
        names.set(name, known);
        return known;
      },
      functionAt: () => undefined,
    },
    livepatchSymbols: places(0),
  });
  if (loaded.refused !== undefined || loaded.relocation === undefined) return undefined;
  const late = new LateRelocations(loaded);
  for (let reload = 0; reload <= patience; reload++) {
    const outcome = late.apply(object, places(reload), true);
    if (outcome.status === 'refused' && outcome.errno === 'ENOENT') return reload;
    if (outcome.status !== 'applied') return undefined;
    late.clear(object);
  }
  return undefined;
}

/** Addresses of all symbols that the livepatch names, others at each load. */
function symbolPlaces({ livepatch }: LintContext): ((load: number) => LivepatchSymbols) | undefined {
  const counts = new Map<string, number>();
  for (const { name } of livepatch.symbols) {
    if (name === undefined) continue;
    if (name.position > positions) return undefined;
    const key = `${name.object}\0${name.name}`;
    counts.set(key, Math.max(counts.get(key) ?? 1, Number(name.position)));
  }
  const order = new Map([...counts.keys()].map((key, index) => [key, index]));
  return (load) => (object, name) => {
    const key = `${object}\0${name}`;
    const first = symbolBase + BigInt(load) * 0x10_0000n + BigInt(order.get(key) ?? 0) * 64n;
    return Array.from({ length: counts.get(key) ?? 0 }, (_, index) => first + BigInt(index) * 4n);
  };
}
