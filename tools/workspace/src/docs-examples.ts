import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { packageFolders, repository } from './source-files.ts';

/** A fenced block of a Markdown file. */
export interface CodeBlock {
  /** Path below the repository. */
  readonly file: string;
  /** Number of the first line inside the fence, from 1. */
  readonly line: number;
  /** The word after the opening fence: `ts`, `sh`, `output` ... */
  readonly language: string;
  readonly text: string;
}

/** A TypeScript block, and what it prints where an `output` block follows it. */
export interface TypeScriptExample {
  readonly block: CodeBlock;
  readonly prints: string | undefined;
}

/** The Markdown files whose examples are run: README.md, those of the packages, and docs/. */
export function documentationFiles(): string[] {
  const docs = existsSync(`${repository}docs`)
    ? readdirSync(`${repository}docs`).filter((name) => name.endsWith('.md'))
    : [];
  return [
    'README.md',
    'CONTRIBUTING.md',
    ...docs.map((name) => `docs/${name}`),
    ...packageFolders.map((folder) => `packages/${folder}/README.md`),
  ].filter((path) => existsSync(`${repository}${path}`));
}

/** The fenced blocks of a Markdown text, in order. A fence starts its line with three backticks. */
export function codeBlocks(file: string, markdown: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: { language: string; line: number; lines: string[] } | undefined;
  for (const [index, line] of markdown.split('\n').entries()) {
    if (!line.startsWith('```')) {
      open?.lines.push(line);
    } else if (open === undefined) {
      open = { language: line.slice(3).trim(), line: index + 2, lines: [] };
    } else {
      blocks.push({ file, line: open.line, language: open.language, text: open.lines.join('\n') });
      open = undefined;
    }
  }
  return blocks;
}

/** Every fenced block of {@link documentationFiles}. */
export function documentationBlocks(): CodeBlock[] {
  return documentationFiles().flatMap((file) =>
    codeBlocks(file, readFileSync(`${repository}${file}`, 'utf8')),
  );
}

/** The `ts` blocks with their expected output. */
export function typescriptExamples(blocks: readonly CodeBlock[]): TypeScriptExample[] {
  return blocks.flatMap((block, index) => {
    if (block.language !== 'ts') return [];
    const next = blocks[index + 1];
    const follows = next?.language === 'output' && next.file === block.file;
    return [{ block, prints: follows ? next.text : undefined }];
  });
}

/** The `kelp` commands in `sh` blocks, one a line, without `npx`. */
export function kelpCommands(blocks: readonly CodeBlock[]): { file: string; command: string }[] {
  return blocks
    .filter((block) => block.language === 'sh')
    .flatMap((block) =>
      block.text
        .split('\n')
        .map((line) => line.replace(/^npx /, ''))
        .filter((line) => line.startsWith('kelp '))
        .map((command) => ({ file: block.file, command })),
    );
}
