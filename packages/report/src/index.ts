export { escapeHtml, escapeMarkdown, escapeMarkdownInline, escapeTerminal } from './escape.ts';
export { applyBaseline, parseBaseline } from './findings/baseline.ts';
export {
  needsAttention,
  type BaselineEntry,
  type FindingLevel,
  type FindingPlace,
  type FindingReport,
  type FindingRule,
  type ReportedFinding,
} from './findings/finding-report.ts';
export { githubAnnotations, githubSummary } from './findings/github.ts';
export { findingJson, findingSchema } from './findings/json.ts';
export { renderSarif } from './findings/sarif.ts';
export { findingTables } from './findings/tables.ts';
export type { Filter, FilterValue } from './html/filter.ts';
export { type HtmlOptions, renderHtml } from './html/page.ts';
export { renderMarkdown } from './markdown.ts';
export type {
  Badge,
  Block,
  BytesBlock,
  Cell,
  ChartBlock,
  ChartPanel,
  CodeBlock,
  Column,
  Definition,
  DefinitionListBlock,
  HeadingBlock,
  ListBlock,
  ParagraphBlock,
  Report,
  Row,
  StyledCell,
  StyledText,
  Table,
  TableBlock,
  Tags,
  Text,
  Tone,
} from './report.ts';
export { renderTerminal, type TerminalOptions } from './terminal.ts';
