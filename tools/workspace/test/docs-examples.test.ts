import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, test, vi } from 'vitest';
import {
  codeBlocks,
  documentationBlocks,
  documentationFiles,
  kelpCommands,
  typescriptExamples,
} from '../src/docs-examples.ts';
import { repository } from '../src/source-files.ts';

const blocks = documentationBlocks();
const examples = typescriptExamples(blocks);
const commands = kelpCommands(blocks);

// Inside the workspace, so that an example finds the packages it imports.
const folder = `${repository}tools/workspace/test/.examples`;
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('TypeScript examples', () => {
  // An `output` block after the example holds what it prints.
  test.for(examples)('$block.file:$block.line', { timeout: 30_000 }, async ({ block, prints }) => {
    const printed: string[] = [];
    const log = vi.spyOn(console, 'log').mockImplementation((...values: unknown[]) => {
      printed.push(values.join(' '));
    });
    const path = `${folder}/${block.file.replaceAll(/\W/g, '-')}-${block.line}.ts`;
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, block.text);
    try {
      await import(/* @vite-ignore */ path);
    } finally {
      log.mockRestore();
    }
    const output = printed.join('\n');
    expect(output).toBe(prints ?? output);
  });
});

describe('kelp commands', () => {
  test.for(commands)('$file: $command', { timeout: 60_000 }, ({ command }) => {
    // $0 is this Node; the function stands for the command that npx finds.
    const kelp = 'kelp() { "$0" --import tsx -C @kelp/source packages/cli/src/bin.ts "$@"; }';
    const options = { cwd: repository, encoding: 'utf8', maxBuffer: 1 << 26 } as const;
    const output = execFileSync('sh', ['-ec', `${kelp}\n${command}`, process.execPath], options);
    expect(output).not.toBe('');
  });
});

describe('the search for examples', () => {
  test('reads the README', () => {
    expect(documentationFiles()).toContain('README.md');
    expect(commands.some(({ file }) => file === 'README.md')).toBe(true);
  });

  test('finds blocks, what they print, and commands', () => {
    const markdown = [
      '# Title',
      '```ts',
      'console.log(1);',
      'console.log(2);',
      '```',
      '',
      '```output',
      '1',
      '2',
      '```',
      'Words in between.',
      '```ts',
      'export {};',
      '```',
      'More words.',
      '```text',
      'not the output',
      '```',
      '```sh',
      'npm start',
      'npx kelp explain .altinstructions | head -n 3',
      'kelp --version',
      '```',
    ].join('\n');
    const sample = codeBlocks('sample.md', markdown);
    expect(sample.map(({ language, line }) => [language, line])).toEqual([
      ['ts', 3],
      ['output', 8],
      ['ts', 13],
      ['text', 17],
      ['sh', 20],
    ]);
    expect(typescriptExamples(sample).map(({ prints }) => prints)).toEqual(['1\n2', undefined]);
    expect(kelpCommands(sample).map(({ command }) => command)).toEqual([
      'kelp explain .altinstructions | head -n 3',
      'kelp --version',
    ]);
  });
});
