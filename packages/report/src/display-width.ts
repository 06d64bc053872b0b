// Characters that take two columns of a terminal (Unicode Standard Annex 11): East Asian scripts, full-width forms and emoji.
const WIDE =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}\p{Script=Yi}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]/u;

// Marks are drawn over the character before them.
const MARK = /\p{Mark}/u;

const ASCII = /^[ -~]*$/;

/** Columns of a terminal that a line of visible text takes. */
export function displayWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

/** Columns of a terminal that one visible character takes: 0, 1 or 2. */
export function characterWidth(character: string): 0 | 1 | 2 {
  if (ASCII.test(character)) return 1;
  if (MARK.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}
