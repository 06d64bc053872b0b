import type { Finding } from '@kelp/core';
import type { Block, Tone } from '@kelp/report';

const tones: Readonly<Record<Finding['severity'], Tone>> = {
  error: 'bad',
  warning: 'warning',
  note: 'muted',
};

/** A table of findings under a heading; nothing where there are none. */
export function findingTable(findings: readonly Finding[]): readonly Block[] {
  if (findings.length === 0) return [];
  return [
    { kind: 'heading', level: 2, text: 'Findings' },
    {
      kind: 'table',
      columns: ['severity', 'code', 'place', 'message'].map((label) => ({ label })),
      rows: findings.map(({ severity, code, place, message }) => ({
        cells: [
          { text: severity, tone: tones[severity] },
          code,
          place === undefined ? '' : `${place.section}+0x${place.offset.toString(16)}`,
          message,
        ],
      })),
    },
  ];
}
