import { renderHtml, renderMarkdown, renderTerminal, type HtmlOptions, type Report } from '@kelp/report';
import type { Io } from './io.ts';

/** Print a report for people: aligned columns, colors and width as the terminal has them. */
export function printReport(report: Report, io: Io): void {
  io.out(renderTerminal(report, { width: io.width, color: io.color }));
}

/** Print data for programs. */
export function printJson(value: unknown, io: Io): void {
  io.out(`${JSON.stringify(value, undefined, 2)}\n`);
}

export const formats = ['terminal', 'markdown', 'html', 'json'] as const;

export type Format = (typeof formats)[number];

/** Print a report in a document format. */
export function printDocument(
  report: Report,
  format: 'html' | 'markdown',
  io: Io,
  options: HtmlOptions = {},
): void {
  io.out(format === 'html' ? renderHtml(report, options) : renderMarkdown(report));
}
