// Runs inside the page that is checked, before the page's own script, and measures what a reader would see. It shares no code with the
// page: what should be visible is computed by check-filters.ts from the tags alone.

/** @import { ContrastFacts, Drift, FilterFacts, Measurements, TableFacts, TagFacts, VisibleTable } from '../src/page-facts.ts' */

/**
 * A color as red, green and blue from 0 to 255 and opacity from 0 to 1.
 *
 * @typedef {readonly [number, number, number, number]} Color
 */

/**
 * The one element that must be there.
 *
 * @param {ParentNode} within
 * @param {string} selector
 * @returns {Element}
 */
function find(within, selector) {
  const element = within.querySelector(selector);
  if (element === null) throw new Error(`page without ${selector}`);
  return element;
}

/** @param {Element} element */
function isVisible(element) {
  return element.getClientRects().length > 0;
}

/**
 * @param {Element} element
 * @param {number} filterCount
 * @returns {TagFacts}
 */
function tagsOf(element, filterCount) {
  return Array.from({ length: filterCount }, (_, index) => {
    const attribute = element.getAttribute(`data-f${index}`);
    return attribute === null ? null : attribute.split(' ').filter(Boolean).map(Number);
  });
}

/** @param {Element} table */
function headerCells(table) {
  return Array.from(table.querySelectorAll('thead > tr > *'));
}

/** @param {Element} table */
function bodyRows(table) {
  return Array.from(table.querySelectorAll('tbody > tr'));
}

/** @returns {readonly FilterFacts[]} */
function readFilters() {
  return Array.from(document.querySelectorAll('fieldset[data-filter]'), (fieldset) => ({
    name: fieldset.getAttribute('data-filter') ?? '',
    values: Array.from(fieldset.querySelectorAll('input'), (input) => input.value),
  }));
}

/** @returns {readonly TableFacts[]} */
function readTables() {
  const filterCount = readFilters().length;
  return Array.from(document.querySelectorAll('table[data-filtered]'), (table) => ({
    columns: headerCells(table).map((cell) => tagsOf(cell, filterCount)),
    rows: bodyRows(table).map((row) => ({
      name: find(row, 'th').textContent,
      tags: tagsOf(row, filterCount),
      cells: Array.from(row.children, (cell) => tagsOf(cell, filterCount)),
    })),
  }));
}

/** @returns {readonly VisibleTable[]} */
function readVisible() {
  return Array.from(document.querySelectorAll('table[data-filtered]'), (table) => {
    const columns = headerCells(table).map(isVisible);
    const rows = bodyRows(table);
    return {
      columns,
      rows: rows.map(isVisible),
      aligned: rows.every(
        (row) =>
          !isVisible(row) ||
          Array.from(row.children).every((cell, index) => isVisible(cell) === columns[index]),
      ),
    };
  });
}

function countWronglyHidden() {
  const rows = Array.from(document.querySelectorAll('table:not([data-filtered]) > tbody > tr'));
  return rows.filter((row) => !isVisible(row)).length;
}

/**
 * Null for a notation other than rgb(), which the style sheet does not use.
 *
 * @param {string} text
 * @returns {Color | null}
 */
function parseColor(text) {
  const numbers = /^rgba?\((.+)\)$/
    .exec(text)?.[1]
    ?.split(/[\s,/]+/)
    .map(Number);
  if (numbers === undefined) return null;
  const [red = NaN, green = NaN, blue = NaN, opacity = 1] = numbers;
  return [red, green, blue, opacity];
}

/**
 * @param {Color} front
 * @param {Color} back
 * @returns {Color}
 */
function over(front, back) {
  /** @type {(index: 0 | 1 | 2) => number} */
  const mix = (index) => front[index] * front[3] + back[index] * (1 - front[3]);
  return [mix(0), mix(1), mix(2), 1];
}

/**
 * @param {Element} element
 * @returns {Color | null}
 */
function backgroundOf(element) {
  const color = parseColor(getComputedStyle(element).backgroundColor);
  if (color === null || color[3] === 1) return color;
  const behind = element.parentElement;
  const back = behind === null ? /** @type {Color} */ ([255, 255, 255, 1]) : backgroundOf(behind);
  return back === null ? null : over(color, back);
}

/**
 * A channel from 0 to 255 as a share of the light it gives (WCAG 2.2, relative luminance).
 *
 * @param {number} channel
 */
function linear(channel) {
  const fraction = channel / 255;
  return fraction <= 0.04045 ? fraction / 12.92 : ((fraction + 0.055) / 1.055) ** 2.4;
}

/** @param {Color} color */
function luminance([red, green, blue]) {
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

/**
 * WCAG 2.2, contrast ratio; 0 where a color could not be read, so that it fails every check.
 *
 * @param {Color | null} text
 * @param {Color | null} background
 */
function contrast(text, background) {
  if (text === null || background === null) return 0;
  const first = luminance(over(text, background));
  const second = luminance(background);
  return (Math.max(first, second) + 0.05) / (Math.min(first, second) + 0.05);
}

/** @param {Element} element */
function hasText(element) {
  return Array.from(element.childNodes).some(
    (node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim() !== '',
  );
}

/**
 * Contrast of every combination of text and background on the page, each with one element that shows it.
 *
 * @returns {readonly ContrastFacts[]}
 */
function readContrasts() {
  /** @type {Map<string, ContrastFacts>} */
  const found = new Map();
  for (const element of document.querySelectorAll('body, body *')) {
    if (!hasText(element) || !isVisible(element)) continue;
    const text = parseColor(getComputedStyle(element).color);
    const background = backgroundOf(element);
    const key = JSON.stringify([text, background]);
    const sample = `${element.localName}.${element.className} ${key}`;
    if (!found.has(key)) found.set(key, { ratio: contrast(text, background), sample });
  }
  return Array.from(found.values());
}

/** Adds every tone as text, as cell and as badge, so that tones are measured which the report happens not to use. */
function addToneSamples() {
  const wrapper = document.createElement('div');
  wrapper.id = 'tone-samples';
  const paragraph = document.createElement('p');
  const table = document.createElement('table');
  const row = table.createTBody().insertRow();
  for (const tone of ['', 'good', 'bad', 'warning', 'muted']) {
    const words = document.createElement('span');
    words.className = tone;
    words.textContent = 'text';
    const badge = document.createElement('span');
    badge.className = `badge ${tone}`;
    badge.textContent = 'badge';
    const cell = row.insertCell();
    cell.className = tone;
    cell.append('cell ', badge.cloneNode(true));
    paragraph.append(words, ' ', badge, ' ');
  }
  wrapper.append(paragraph, table);
  find(document, 'main').append(wrapper);
}

function removeToneSamples() {
  find(document, '#tone-samples').remove();
}

/** How far the page is wider than the window, in pixels of the style sheet. */
function readOverflow() {
  return document.documentElement.scrollWidth - document.documentElement.clientWidth;
}

/**
 * Scrolls every table to its end and back.
 *
 * @returns {readonly Drift[]}
 */
function readStickiness() {
  return Array.from(document.querySelectorAll('.table'), (frame) => {
    const box = frame.getBoundingClientRect();
    const captionHeight = find(frame, 'thead th').getBoundingClientRect().top - box.top - frame.clientTop;
    frame.scrollTo(frame.scrollWidth, frame.scrollHeight);
    const header = find(frame, 'thead th').getBoundingClientRect();
    // A table that scrolls by less than its caption keeps the header below the rest of it.
    const captionLeft = Math.max(0, captionHeight - frame.scrollTop);
    const name = frame.querySelector('tbody tr:not([hidden]) th')?.getBoundingClientRect();
    const drift = {
      top: frame.scrollTop > 0 ? header.top - box.top - frame.clientTop - captionLeft : 0,
      left: frame.scrollLeft > 0 && name !== undefined ? name.left - box.left - frame.clientLeft : 0,
    };
    frame.scrollTo(0, 0);
    return drift;
  });
}

/** @type {{ [Name in keyof Measurements]: () => Measurements[Name] }} */
const kelpCheck = {
  readFilters,
  readTables,
  readVisible,
  countWronglyHidden,
  readContrasts,
  addToneSamples,
  removeToneSamples,
  readOverflow,
  readStickiness,
};

Object.assign(globalThis, { kelpCheck });
