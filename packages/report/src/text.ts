import type { StyledText, Text, Tone } from './report.ts';

/** A piece of a text with one tone. */
export interface Span {
  readonly text: string;
  readonly tone?: Tone | undefined;
}

/** A text in its long form. */
export function styled(text: Text): StyledText {
  return typeof text === 'object' ? text : { text };
}

/** True for a number with nothing beside it, which belongs on the right of its column. */
export function isNumeric(text: Text): boolean {
  const { text: value, badges = [] } = styled(text);
  return typeof value !== 'string' && badges.length === 0;
}

/** True for a text that shows nothing. */
export function isBlank(text: Text): boolean {
  const { text: value, badges = [] } = styled(text);
  return value === '' && badges.length === 0;
}

/** A text with its badges in parentheses, for outputs without boxes: `12 (decoded, applied)`. Nothing in it is escaped yet. */
export function inlineSpans(text: Text): readonly Span[] {
  const { text: value, tone, badges = [] } = styled(text);
  const words = { text: String(value), tone };
  const list = badges.flatMap((badge, index) => (index === 0 ? [badge] : [{ text: ', ' }, badge]));
  if (list.length === 0) return [words];
  return value === '' ? list : [words, { text: ' (' }, ...list, { text: ')' }];
}
