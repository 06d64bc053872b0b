import { detectTable, type SectionShapeCount } from '@kelp/census';
import { isPointer, layoutFor, parseKernel, type Architecture, type Kernel } from '@kelp/core';
import type { CountedKernel } from './censuses.ts';

/** What the detector makes of one section name of one kernel, whose row it does not see. */
export interface DetectedSection {
  readonly architecture: string;
  readonly release: string;
  readonly section: string;
  /** Files whose section has relocations. */
  readonly relocated: number;
  /** Entry size of the row; undefined where the row has no entries or there is no row. */
  readonly expected: number | undefined;
  /** The row has a pointer field, so that there is something to see. */
  readonly hasPointers: boolean;
  readonly found: boolean;
  readonly stride: number | undefined;
  /** Signs other than an executable or declared section: a table is claimed. */
  readonly claimed: boolean;
}

/** Run the detector on every section that compilers do not make. */
export function measureDetection(
  kernels: readonly CountedKernel[],
  architectures: readonly Architecture[],
): readonly DetectedSection[] {
  return kernels.flatMap(({ architecture: id, kernel }) => {
    const architecture = architectures.find((one) => one.id === id);
    if (architecture === undefined) return [];
    const parsed = parseKernel(kernel.release);
    return kernel.shapes.map((shape) => measureOne(architecture, parsed, kernel.release, shape));
  });
}

function measureOne(
  architecture: Architecture,
  kernel: Kernel,
  release: string,
  shape: SectionShapeCount,
): DetectedSection {
  const row = architecture.specialSection(shape.section, kernel);
  const layout = row === undefined ? undefined : layoutFor(row, kernel);
  // What the detector sees has no layouts: those are what the row says.
  const table = detectTable({ ...shape, layouts: [] });
  return {
    architecture: architecture.id,
    release,
    section: shape.section,
    relocated: shape.relocated,
    expected: layout?.size,
    hasPointers: layout !== undefined && Object.values(layout.fields).some(isPointer),
    found: table !== undefined,
    stride: table?.stride,
    claimed:
      table !== undefined && (table.stride !== undefined || table.signals.includes('points into code')),
  };
}
