/**
 * The script of every page with a table. It reads what carries which tag from the `data-f0` attributes and what is checked from the
 * form, hides what does not match, and keeps the choice in the fragment of the address, so that a filtered view can be linked.
 */
export const PAGE_SCRIPT = String.raw`
(() => {
  'use strict';
  const form = document.getElementById('filters');
  const search = document.getElementById('search');
  const groups = Array.from(form.querySelectorAll('fieldset'), (fieldset, index) => ({
    name: fieldset.dataset.filter,
    tag: 'f' + index,
    boxes: Array.from(fieldset.querySelectorAll('input')),
  }));

  // One array of value indexes for each filter; undefined where the element does not carry the tag.
  const readTags = (element) =>
    groups.map(({ tag }) => element.dataset[tag]?.split(' ').filter(Boolean).map(Number));

  const readRow = (element) => {
    const cells = Array.from(element.cells);
    return {
      element,
      cells,
      name: (element.querySelector('th') ?? element).textContent.toLowerCase(),
      tags: readTags(element),
      taggedCells: cells.flatMap((cell, column) => {
        const tags = readTags(cell);
        return tags.some(Boolean) ? [{ column, tags }] : [];
      }),
    };
  };

  const readTable = (element) => {
    const rows = Array.from(element.querySelectorAll('tbody > tr'), readRow);
    return {
      rows,
      columns: Array.from(element.tHead.rows[0].cells, (header) => ({
        header,
        tags: readTags(header),
        visible: true,
      })),
      // The filters that look into the cells of this table.
      cellFilters: groups.map((group, index) =>
        rows.some((row) => row.taggedCells.some(({ tags }) => tags[index])),
      ),
      count: element.querySelector('.count'),
    };
  };

  const tables = Array.from(document.querySelectorAll('table[data-filtered]'), readTable);

  const matches = (tags, selected) =>
    selected.every((values, index) => !values || !tags[index] || tags[index].some((value) => values.has(value)));

  const showColumns = ({ columns, rows }, selected) => {
    columns.forEach((column, index) => {
      const visible = matches(column.tags, selected);
      if (visible === column.visible) return;
      column.visible = visible;
      column.header.hidden = !visible;
      for (const row of rows) row.cells[index].hidden = !visible;
    });
  };

  const rowMatches = (row, { columns, cellFilters }, selected, words) =>
    row.name.includes(words) &&
    matches(row.tags, selected) &&
    (!selected.some((values, index) => values && cellFilters[index]) ||
      row.taggedCells.some(
        ({ column, tags }) =>
          columns[column].visible &&
          selected.every(
            (values, index) =>
              !values || !cellFilters[index] || tags[index]?.some((value) => values.has(value)),
          ),
      ));

  const counted = (visible, total) =>
    (visible === total ? String(total) : visible + ' of ' + total) + (total === 1 ? ' row' : ' rows');

  const apply = () => {
    const selected = groups.map(({ boxes }) => {
      const values = boxes.flatMap((box, index) => (box.checked ? [index] : []));
      return values.length === 0 ? undefined : new Set(values);
    });
    const words = search.value.trim().toLowerCase();
    let visibleRows = 0;
    let allRows = 0;
    for (const table of tables) {
      showColumns(table, selected);
      let visibleHere = 0;
      for (const row of table.rows) {
        const visible = rowMatches(row, table, selected, words);
        row.element.hidden = !visible;
        if (visible) visibleHere += 1;
      }
      table.count.textContent = counted(visibleHere, table.rows.length);
      visibleRows += visibleHere;
      allRows += table.rows.length;
    }
    document.getElementById('shown').textContent = 'Showing ' + counted(visibleRows, allRows);
  };

  const writeAddress = () => {
    const state = new URLSearchParams();
    if (search.value.trim() !== '') state.set('q', search.value.trim());
    for (const { name, boxes } of groups) {
      for (const box of boxes) if (box.checked) state.append(name, box.value);
    }
    history.replaceState(null, '', '#' + state);
  };

  const readAddress = () => {
    const state = new URLSearchParams(location.hash.slice(1));
    search.value = state.get('q') ?? '';
    for (const { name, boxes } of groups) {
      const values = state.getAll(name);
      for (const box of boxes) box.checked = values.includes(box.value);
    }
    apply();
  };

  const update = () => {
    writeAddress();
    apply();
  };

  form.addEventListener('input', update);
  form.addEventListener('submit', (event) => event.preventDefault());
  document.getElementById('clear').addEventListener('click', () => {
    search.value = '';
    for (const { boxes } of groups) for (const box of boxes) box.checked = false;
    update();
  });
  window.addEventListener('hashchange', readAddress);
  readAddress();
  form.hidden = false;
})();
`;
