import { kernelSeries, matchesName, parseKernel, parseSeries, type Architecture, type Kernel, type RelocationType, type SpecialSection } from '@kelp/core';
import { compareReleases, CensusBuilder, type Census, type KernelCounts } from '@kelp/census';
import { checks, currentEvidence, type Evidence, type EvidenceFile } from './evidence.ts';
import { featuresOf, type Feature } from './feature.ts';
import { findGaps, type SeriesCounts } from './gaps.ts';
import { capabilityCell, relocationCell, sectionCell, toolCells } from './kernel-cell.ts';
import { matrixSchema, type CoverageMatrix, type KernelCell, type MatrixCell, type MatrixRow, type UsageCell } from './matrix.ts';

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

/** Compute the matrix: census x support rows x evidence. */
export function buildMatrix(subjects: readonly CoverageSubject[], options: MatrixOptions = {}): CoverageMatrix {
  const builder = new CensusBuilder();
  for (const census of options.censuses ?? []) builder.addCensus(census);
  const census = builder.census();
  const kernels = options.kernels ?? kernelsOf(census);
  const columns = subjects.map((subject) => new Column(subject, census, kernels));
  const rows = columns.flatMap((column) => column.rows());
  return {
    schema: matrixSchema,
    kernels,
    architectures: subjects.map(({ architecture: { id, title } }) => ({ id, title })),
    ...findGaps(rows, columns.flatMap((column) => column.used())),
    rows,
  };
}

function kernelsOf(census: Census): readonly string[] {
  const releases = Object.values(census.architectures).flatMap(({ kernels }) => kernels.map(({ release }) => release));
  const series = [...new Set(releases.flatMap((release) => seriesOf(release) ?? []))];
  return series.length === 0 ? checkedKernels : series.toSorted(compareReleases);
}

function seriesOf(release: string): string | undefined {
  return /^\d+\.\d+/u.test(release) ? kernelSeries(parseKernel(release)) : undefined;
}

/** One architecture over all kernels. */
class Column {
  readonly #architecture: Architecture;
  readonly #evidence: ReadonlyMap<string, readonly Evidence[]>;
  readonly #series: readonly SeriesCounts[];
  readonly #kernels: readonly Kernel[];

  constructor({ architecture, evidence }: CoverageSubject, census: Census, kernels: readonly string[]) {
    this.#architecture = architecture;
    this.#evidence = currentEvidence(architecture, evidence);
    this.#kernels = kernels.map((kernel) => parseSeries(kernel));
    const releases = new Map(Object.entries(census.architectures)).get(architecture.id)?.kernels ?? [];
    this.#series = kernels.map((kernel) => ({
      architecture,
      kernel,
      releases: releases.filter(({ release }) => seriesOf(release) === kernel),
    }));
  }

  used(): readonly SeriesCounts[] {
    return this.#series;
  }

  rows(): readonly MatrixRow[] {
    return featuresOf(this.#architecture).map((feature) => ({
      architecture: this.#architecture.id,
      feature: feature.id,
      kind: feature.kind,
      title: feature.title,
      cells: this.#kernels.map((kernel, index) => this.#cell(feature, kernel, this.#series[index])),
    }));
  }

  #cell(feature: Feature, kernel: Kernel, series: SeriesCounts | undefined): MatrixCell {
    const evidence = this.#evidence.get(feature.id)?.filter(({ kernels }) => kernels.includes(kernelSeries(kernel))) ?? [];
    return {
      kernel: kernelSeries(kernel),
      support: supportOf(feature, kernel),
      tools: toolCells(this.#architecture, feature.id.slice(feature.id.indexOf('/') + 1), kernel),
      usage: series === undefined || series.releases.length === 0 ? null : usageOf(feature, series.releases),
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

function usageOf(feature: Feature, releases: readonly KernelCounts[]): UsageCell | null {
  if (feature.kind === 'capability') return null;
  const of = releases.reduce((sum, { modules }) => sum + modules, 0);
  const uses = releases.flatMap((release) => usesIn(feature, release));
  const counts = uses.flatMap(({ count }) => count ?? []);
  return {
    modules: uses.reduce((sum, use) => sum + use.modules, 0),
    of,
    count: counts.length === 0 && uses.length > 0 ? null : counts.reduce((sum, count) => sum + count, 0),
  };
}

function usesIn({ rows }: Feature, release: KernelCounts): readonly { readonly modules: number; readonly count: number | null }[] {
  return rows.slice(0, 1).flatMap((row) => {
    if ('layouts' in row) {
      const sections = release.sections.filter(({ name }) => matchesName(row, name));
      return sections.map(({ modules, entries }) => ({ modules, count: entries }));
    }
    return isRelocationType(row) ? release.relocations.filter(({ type }) => type === row.number) : [];
  });
}

function isRelocationType(row: Feature['rows'][number]): row is RelocationType {
  return 'rules' in row;
}
