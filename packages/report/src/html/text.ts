import { escapeHtml } from '../escape.ts';
import type { Badge, Text } from '../report.ts';
import { styled } from '../text.ts';

/** A class attribute with its leading space, or nothing. */
export function classAttribute(...names: readonly (string | undefined)[]): string {
  const present = names.filter((name) => name !== undefined);
  return present.length === 0 ? '' : ` class="${present.join(' ')}"`;
}

/** A title attribute with its leading space, or nothing. */
export function titleAttribute(title: string | undefined): string {
  return title === undefined ? '' : ` title="${escapeHtml(title)}"`;
}

/** The words and badges of a text, without its tone and hover text, which belong to the element around it. */
export function wordsHtml(text: Text): string {
  const { text: value, code = false, badges = [] } = styled(text);
  const words = escapeHtml(String(value));
  const main = code && words !== '' ? `<code>${words}</code>` : words;
  return [...(main === '' ? [] : [main]), ...badges.map(badgeHtml)].join(' ');
}

/** A text that stands for itself, as in a paragraph. */
export function textHtml(text: Text): string {
  const { tone, title } = styled(text);
  const attributes = `${classAttribute(tone)}${titleAttribute(title)}`;
  return attributes === '' ? wordsHtml(text) : `<span${attributes}>${wordsHtml(text)}</span>`;
}

function badgeHtml({ text, tone }: Badge): string {
  return `<span${classAttribute('badge', tone)}>${escapeHtml(text)}</span>`;
}
