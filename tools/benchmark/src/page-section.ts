/** A page of several programs: each writes its own sections and leaves those of the others. */
export interface SectionedPage {
  /** What comes before the first section. */
  readonly introduction: string;
  /** Sections with their heading lines, by heading. */
  readonly sections: ReadonlyMap<string, string>;
}

/** Takes a Markdown page apart at its headings of the second level. */
export function parsePage(text: string): SectionedPage {
  // The line break in front makes an introduction of a text without one.
  const [introduction = '', ...parts] = `\n${text}`.split(/^(?=## )/m);
  const sections = parts.map((part) => [part.slice(3, part.indexOf('\n')), `${part.trimEnd()}\n`] as const);
  return { introduction: introduction.slice(1), sections: new Map(sections) };
}

/** The page with sections added or replaced, those of the other programs kept; old ones come first. */
export function withSections(old: string, introduction: string, text: string): string {
  const sections = new Map([...parsePage(old).sections, ...parsePage(text).sections]);
  return `${introduction.trimEnd()}\n\n${[...sections.values()].join('\n')}`;
}

/** The beginning of docs/benchmarks.md. */
export const INTRODUCTION = `# Benchmarks

Written by \`npm run benchmark -- --write\` and \`npm run benchmark:load -- --write\`; do not edit. Files are in the page
cache.
`;
