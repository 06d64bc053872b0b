import { readFileSync } from 'node:fs';
import { buildMatrix, checkedKernels, matrixReport, parseEvidence } from '@kelp/coverage';
import { renderMarkdown } from '@kelp/report';
import { repositoryPath, type Plugin } from './architectures.ts';

const start = '<!-- coverage: written by npm run coverage-reports -->';
const end = '<!-- end of coverage -->';

/** The coverage report of one plugin: support rows and evidence, without a census. */
export function coverageReport(plugin: Plugin): {
  readonly json: string;
  readonly insertTable: (readme: string) => string;
} {
  const evidence = parseEvidence(readFileSync(repositoryPath(`${plugin.package}/evidence.json`), 'utf8'));
  const matrix = buildMatrix([{ architecture: plugin.architecture, evidence }], { kernels: checkedKernels });
  const { blocks } = matrixReport(matrix);
  // The lists that head the matrix are about a census; there is none here.
  const tables = blocks.slice(blocks.findIndex(({ kind }) => kind === 'list'));
  const markdown = renderMarkdown({ title: 'Coverage', blocks: tables }).replace(/^# /u, '## ');
  return {
    json: `${JSON.stringify(matrix)}\n`,
    insertTable: (readme) => {
      const before = readme.includes(start)
        ? readme.slice(0, readme.indexOf(start))
        : `${readme.trimEnd()}\n\n`;
      return `${before}${start}\n\n${markdown.trimEnd()}\n\n${end}\n`;
    },
  };
}
