import type { SourceTree } from './tree.ts';

/** Source files by path, without comments. */
export type Texts = ReadonlyMap<string, string>;

/** Read the C, assembler and linker-script files below some folders. */
export function readTexts(tree: SourceTree, folders: readonly string[]): Texts {
  const texts = new Map<string, string>();
  for (const folder of folders) {
    for (const file of tree.files(folder, /\.(?:[chS]|lds|lds\.S)$/u))
      texts.set(file, withoutComments(tree.read(file)));
  }
  return texts;
}

/** Blank out comments; the rest stays where it is. A comment that does not end reaches to the end. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?(?:\*\/|$)/gu, (comment) => comment.replace(/[^\n]/gu, ' '));
}
