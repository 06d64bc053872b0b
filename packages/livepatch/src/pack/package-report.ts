import type { Block } from '@kelp/report';
import { findingTable } from '../finding-table.ts';
import type { PackageVerdict } from './check-package.ts';
import type { PackagePlan } from './plan-package.ts';

/** Blocks that show what a package holds, what kmod makes of it, and what it cannot stop. */
export function packageBlocks(
  { manifest, findings }: PackagePlan,
  verdict: PackageVerdict | undefined,
): readonly Block[] {
  return [
    {
      kind: 'definitions',
      definitions: [
        { term: 'Package', value: manifest.name },
        { term: 'Kernel', value: manifest.release },
      ],
    },
    {
      kind: 'table',
      columns: ['module', 'is a', 'replaces', 'srcversion', 'build-id', 'path'].map((label) => ({ label })),
      rows: manifest.modules.map((one) => ({
        cells: [
          one.name,
          one.livepatch ? 'livepatch' : 'replacement',
          one.replaces.map(({ name }) => name).join(', '),
          one.srcversion ?? '',
          one.buildId ?? '',
          one.path,
        ],
      })),
    },
    ...(verdict === undefined ? [] : verdictBlocks(verdict)),
    ...findingTable(findings),
    { kind: 'heading', level: 2, text: 'What the package cannot stop' },
    { kind: 'list', items: manifest.limits.map(({ text }) => text) },
  ];
}

function verdictBlocks({ checks, failed }: PackageVerdict): readonly Block[] {
  const wrong = checks.filter(({ ok }) => !ok);
  return [
    { kind: 'heading', level: 2, text: 'kmod' },
    ...(failed === undefined ? [] : [{ kind: 'paragraph', text: { text: failed, tone: 'bad' } } as const]),
    {
      kind: 'definitions',
      definitions: (['name', 'alias', 'dependent', 'deprecated'] as const).map((kind) => {
        const asked = checks.filter((one) => one.kind === kind);
        return { term: `By ${kind}`, value: `${asked.filter(({ ok }) => ok).length} of ${asked.length}` };
      }),
    },
    ...(wrong.length === 0
      ? []
      : [
          {
            kind: 'table',
            columns: ['asked for', 'as', 'would load', 'instead of'].map((label) => ({ label })),
            rows: wrong.map(({ request, kind, loads, expected }) => ({
              cells: [request, kind, loads.join(', ') || 'nothing', expected],
            })),
          } as const,
        ]),
  ];
}

/** Plain data of the same, for `--json`. */
export function packageJson(
  { manifest, findings }: PackagePlan,
  verdict: PackageVerdict | undefined,
): unknown {
  return {
    schema: 1,
    manifest,
    findings,
    check: verdict === undefined ? null : { failed: verdict.failed ?? null, checks: verdict.checks },
  };
}
