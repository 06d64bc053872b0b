import {
  kernelSeries,
  parseKernel,
  parseSeries,
  type Architecture,
  type Kernel,
  type SpecialSection,
} from '@kelp/core';
import { compareReleases, CensusBuilder, type Census, type KernelCounts } from '@kelp/census';
import { checks, currentEvidence, type Evidence, type EvidenceFile } from './evidence.ts';
import { featuresOf, type Feature } from './feature.ts';
import { findGaps, type SeriesCounts } from './gaps.ts';
import { capabilityCell, relocationCell, sectionCell, toolCells } from './kernel-cell.ts';
import {
  matrixSchema,
  type CoverageMatrix,
  type KernelCell,
  type MatrixCell,
  type MatrixRow,
  type OutsideRelease,
} from './matrix.ts';
import { kernelOfRelease, Usage } from './usage.ts';

/** The kernel series that the plugins' tables were checked against. */
export const checkedKernels: readonly string[] = ['5.10', '6.1', '6.12', '7.2', '7.3'];

/** An architecture and the evidence that its package ships. */
export interface CoverageSubject {
  readonly architecture: Architecture;
  readonly evidence: EvidenceFile;
}

export interface MatrixOptions {
  /** Kernel series; absent: those of the censuses, or {@link checkedKernels} where there is no census. */
  readonly kernels?: readonly string[];
  readonly censuses?: readonly Census[];
}

/**
 * Compute the matrix: census x support rows x evidence.
 *
 * @throws KelpError `kernel/release` for a kernel that does not start with two numbers; `coverage/evidence` for evidence
 *   of another architecture; `census/schema`.
 */
export function buildMatrix(
  subjects: readonly CoverageSubject[],
  options: MatrixOptions = {},
): CoverageMatrix {
  const builder = new CensusBuilder();
  for (const census of options.censuses ?? []) builder.addCensus(census);
  const census = builder.census();
  const kernels = [
    ...new Set((options.kernels ?? kernelsOf(census)).map((kernel) => kernelSeries(parseKernel(kernel)))),
  ];
  const columns = subjects.map((subject) => new Column(subject, census, kernels));
  const rows = columns.flatMap((column) => column.rows());
  return {
    schema: matrixSchema,
    kernels,
    architectures: subjects.map(({ architecture: { id, title } }) => ({ id, title })),
    ...findGaps(
      rows,
      columns.flatMap((column) => column.series),
    ),
    outside: columns.flatMap((column) => column.outside),
    rows,
  };
}

function kernelsOf(census: Census): readonly string[] {
  const releases = Object.values(census.architectures).flatMap(({ kernels }) =>
    kernels.map(({ release }) => release),
  );
  const series = [...new Set(releases.flatMap((release) => seriesOf(release) ?? []))];
  return series.length === 0 ? checkedKernels : series.toSorted(compareReleases);
}

function seriesOf(release: string): string | undefined {
  const kernel = kernelOfRelease(release);
  return kernel === undefined ? undefined : kernelSeries(kernel);
}

/** One architecture over all kernels. */
class Column {
  readonly series: readonly SeriesCounts[];
  readonly outside: readonly OutsideRelease[];
  readonly #architecture: Architecture;
  readonly #evidence: ReadonlyMap<string, readonly Evidence[]>;
  readonly #kernels: readonly (readonly [Kernel, Usage])[];

  constructor({ architecture, evidence }: CoverageSubject, census: Census, kernels: readonly string[]) {
    this.#architecture = architecture;
    this.#evidence = currentEvidence(architecture, evidence);
    const releases = new Map(Object.entries(census.architectures)).get(architecture.id)?.kernels ?? [];
    const placed = (kernel: string): readonly KernelCounts[] =>
      releases.filter(({ release }) => seriesOf(release) === kernel);
    this.series = kernels.map((kernel) => ({ architecture, kernel, releases: placed(kernel) }));
    this.outside = releases
      .filter(({ release }) => !kernels.some((kernel) => kernel === seriesOf(release)))
      .map(({ release, modules }) => ({ architecture: architecture.id, release, modules }));
    this.#kernels = this.series.map((one) => [
      parseSeries(one.kernel),
      new Usage(architecture, one.releases),
    ]);
  }

  rows(): readonly MatrixRow[] {
    return featuresOf(this.#architecture).map((feature) => ({
      architecture: this.#architecture.id,
      feature: feature.id,
      kind: feature.kind,
      title: feature.title,
      cells: this.#kernels.map(([kernel, usage]) => this.#cell(feature, kernel, usage)),
    }));
  }

  #cell(feature: Feature, kernel: Kernel, usage: Usage): MatrixCell {
    const series = kernelSeries(kernel);
    const evidence = this.#evidence.get(feature.id)?.filter(({ kernels }) => kernels.includes(series)) ?? [];
    return {
      kernel: series,
      support: supportOf(feature, kernel),
      tools: toolCells(this.#architecture, feature.id.slice(feature.id.indexOf('/') + 1), kernel),
      usage: usage.of(feature),
      flags: checks.filter((check) => holds(evidence, check)),
      contradicted: evidence.some(({ holds: held }) => !held),
    };
  }
}

/** A check counts where it held and nothing of the same check contradicts it. */
function holds(evidence: readonly Evidence[], check: string): boolean {
  const records = evidence.filter((record) => record.check === check);
  return records.length > 0 && records.every((record) => record.holds);
}

function supportOf({ rows }: Feature, kernel: Kernel): KernelCell {
  const sections = rows.filter((row): row is SpecialSection => 'layouts' in row);
  if (sections.length > 0) return sectionCell(sections, kernel);
  const [row] = rows;
  if (row === undefined || 'layouts' in row) return { state: 'no' };
  return 'rules' in row ? relocationCell(row, kernel) : capabilityCell(row, kernel);
}
