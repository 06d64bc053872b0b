import type { LoadedModule as PredictedModule } from '@kelp/loader';
import type { ReadMemory } from './inference.ts';

/** What was done to one function of a module. */
export interface FunctionSums {
  /** Untrusted. */
  readonly name: string;
  readonly address: bigint;
  /** st_size. */
  readonly bytes: number;
  /** Bytes by the cause that wrote them last. */
  readonly causes: ReadonlyMap<string, number>;
  /** Bytes that are not what was predicted. */
  readonly unexplained: number;
}

const functionType = 2;

/** Group what was written, and what is unexplained, by the functions of a module; functions that are as in the file are left out. */
export function groupByFunction({ image }: PredictedModule, read: ReadMemory): readonly FunctionSums[] {
  const symbols = image.object.symbols();
  if (symbols === undefined) return [];
  const provenance = image.areas.map(({ bytes }, index) => image.log.provenance(index, bytes.length));
  const functions: FunctionSums[] = [];
  for (let index = 1; index < symbols.count; index++) {
    const section = image.sections.find((one) => one.index === symbols.sectionIndex(index));
    if (symbols.type(index) !== functionType || section === undefined || section.init) continue;
    const [address, bytes] = [section.address + symbols.value(index), Number(symbols.size(index))];
    const area = image.areas.findIndex(
      (one) => address >= one.address && address < one.address + BigInt(one.bytes.length),
    );
    const written = provenance[area];
    const start = Number(address - (image.areas[area]?.address ?? 0n));
    if (written === undefined || bytes === 0) continue;
    const causes = new Map<string, number>();
    for (const cause of written.subarray(start, start + bytes)) {
      const name = image.log.causes[cause - 1];
      if (name !== undefined) causes.set(name, (causes.get(name) ?? 0) + 1);
    }
    const unexplained = countDifferences(
      read(address, bytes),
      image.areas[area]?.bytes.subarray(start, start + bytes),
    );
    if (causes.size > 0 || unexplained > 0)
      functions.push({ name: symbols.name(index), address, bytes, causes, unexplained });
  }
  return functions;
}

function countDifferences(memory: Uint8Array | undefined, predicted: Uint8Array | undefined): number {
  if (memory === undefined || predicted === undefined) return 0;
  return memory.reduce((sum, byte, index) => sum + (byte === predicted[index] ? 0 : 1), 0);
}
