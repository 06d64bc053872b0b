import type { Architecture } from '@kelp/core';
import type { ChartBlock } from '@kelp/report';
import type { KernelCounts } from './census.ts';
import { compareText } from './compare-text.ts';
import { sumBySection } from './function-report.ts';

/**
 * How many modules and functions use each special section, by kernel; null for an architecture with fewer than two
 * kernels. Sections that only one file has are left out.
 */
export function useChart(
  architecture: Pick<Architecture, 'title'>,
  kernels: readonly KernelCounts[],
): ChartBlock | undefined {
  if (kernels.length < 2) return undefined;
  const modules = kernels.map(
    ({ sections }) =>
      new Map(sections.filter(({ special }) => special).map((section) => [section.name, section.modules])),
  );
  const functions = kernels.map(
    (kernel) => new Map(sumBySection(kernel.functions.sections).map((use) => [use.section, use.functions])),
  );
  const most = (name: string): number => Math.max(...modules.map((counts) => counts.get(name) ?? 0));
  const categories = [...new Set(modules.flatMap((counts) => [...counts.keys()]))]
    .filter((name) => most(name) > 1)
    .toSorted((a, b) => most(b) - most(a) || compareText(a, b));
  return {
    kind: 'chart',
    title: `${architecture.title}: use of special sections by kernel`,
    categoryLabel: 'section',
    categories,
    series: kernels.map(({ release }) => release),
    panels: [
      {
        label: 'modules',
        unit: '',
        values: categories.map((name) => modules.map((counts) => counts.get(name) ?? 0)),
      },
      {
        label: 'functions named by entries',
        unit: '',
        values: categories.map((name) => functions.map((counts) => counts.get(name) ?? null)),
      },
    ],
  };
}
