// What shows nothing, moves the cursor, or changes the order of what follows: control and format characters (among them the
// bidirectional overrides), lone surrogates, code points without an agreed meaning, every space and line separator but U+0020.
const INVISIBLE = String.raw`[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]|(?! )\p{Zs}`;

// A backslash is doubled only where it would read as an escape, so that names stay as they are and the result stays unambiguous.
const UNSAFE = new RegExp(String.raw`${INVISIBLE}|\\(?=[\\xu]|${INVISIBLE})`, 'gu');

function escapeSequence(character: string): string {
  if (character === '\\') return String.raw`\\`;
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code < 0x100) return String.raw`\x${hex.padStart(2, '0')}`;
  return code < 0x1_0000 ? String.raw`\u${hex.padStart(4, '0')}` : String.raw`\u{${hex}}`;
}

/**
 * A text from a file, made safe to print on a terminal: one line without control characters. What cannot be seen is shown as `\x1b`,
 * `\u202e` or `\u{e0001}`, like in JavaScript; a backslash before `x`, `u` or a backslash is doubled.
 */
export function escapeTerminal(text: string): string {
  return text.replace(UNSAFE, escapeSequence);
}

const HTML_ENTITIES: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ["'", '&#39;'],
]);

/**
 * A text from a file, made safe as content of an HTML element and inside a quoted attribute. What cannot be seen is shown as by
 * {@link escapeTerminal}: an override of the writing direction would turn around what follows in a page, too.
 */
export function escapeHtml(text: string): string {
  return escapeTerminal(text).replace(/[&<>"']/g, (character) => HTML_ENTITIES.get(character) ?? character);
}

/**
 * A text from a file, made safe inside a line of GitHub Flavored Markdown, table cells included: no emphasis, code, link, HTML, math,
 * cell or line break comes out of it. For text that begins a line use {@link escapeMarkdown}.
 */
export function escapeMarkdownInline(text: string): string {
  return escapeTerminal(text)
    .replace(/[\\`*[\]|~$]/g, String.raw`\$&`)
    .replace(/[&<>]/g, (character) => HTML_ENTITIES.get(character) ?? character)
    .replace(/_+/g, (run, offset: number, whole: string) => {
      // Underscores inside a word mean nothing (CommonMark 6.2), and R_X86_64_PC32 should stay legible in the source.
      const inWord =
        /[A-Za-z0-9]/.test(whole.charAt(offset - 1)) && /[A-Za-z0-9]/.test(whole.charAt(offset + run.length));
      return inWord ? run : run.replaceAll('_', String.raw`\_`);
    })
    .replace(/:(?=\/\/)/g, String.raw`\:`)
    .replace(/www\./gi, (match) => match.replace('.', String.raw`\.`));
}

/**
 * A text from a file, made safe anywhere in GitHub Flavored Markdown, also at the beginning and end of a line: it starts no heading,
 * list, quotation or code block.
 */
export function escapeMarkdown(text: string): string {
  return escapeMarkdownInline(text)
    .replace(/^ +/, (spaces) => '&#32;'.repeat(spaces.length))
    .replace(/^[-+=#]/, String.raw`\$&`)
    .replace(/^(\d{1,9})([.)])/, String.raw`$1\$2`)
    .replace(/(^|[^\\])(#+)$/, String.raw`$1\$2`);
}
