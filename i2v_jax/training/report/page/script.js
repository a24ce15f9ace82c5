'use strict';
// Sorting and filtering of tables; nothing is folded up on paper.

const collator = new Intl.Collator(undefined, {numeric: true});

function key(row, column) {
  const cell = row.cells[column];
  const number = cell.querySelector('data');
  if (number) return Number(number.value);
  const text = cell.textContent.trim();
  return text === '' || text === '–' ? null : text;
}

function compare(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  if (typeof a === 'number' && typeof b === 'number') return sign * (a - b);
  return sign * collator.compare(String(a), String(b));
}

function sort(table, heading) {
  // Numbers begin with the highest, names with the first.
  const first = heading.classList.contains('number') ? 'descending' : 'ascending';
  const other = first === 'ascending' ? 'descending' : 'ascending';
  const order = heading.getAttribute('aria-sort') === first ? other : first;
  for (const each of heading.parentNode.cells) each.setAttribute('aria-sort', 'none');
  heading.setAttribute('aria-sort', order);
  const sign = order === 'ascending' ? 1 : -1;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows, (row) => [key(row, heading.cellIndex), row]);
  rows.sort((a, b) => compare(a[0], b[0], sign));
  body.append(...rows.map((pair) => pair[1]));
}

function filter(input) {
  const table = document.getElementById(input.dataset.filter);
  const wanted = input.value.trim().toLocaleLowerCase();
  let shown = 0;
  for (const row of table.tBodies[0].rows) {
    row.hidden = !row.textContent.toLocaleLowerCase().includes(wanted);
    shown += !row.hidden;
  }
  const output = document.querySelector(`[data-count="${table.id}"]`);
  output.textContent = wanted ? `${shown} of ${table.tBodies[0].rows.length}` : '';
}

for (const table of document.querySelectorAll('table.sortable')) {
  for (const heading of table.tHead.rows[0].cells) {
    heading.querySelector('button').addEventListener('click', () => sort(table, heading));
  }
}

for (const input of document.querySelectorAll('[data-filter]')) {
  input.closest('.filter').hidden = false;
  input.addEventListener('input', () => filter(input));
}

// What is folded up would not be on paper.
let folded = [];
window.addEventListener('beforeprint', () => {
  folded = [...document.querySelectorAll('details:not([open])')];
  for (const each of folded) each.open = true;
});
window.addEventListener('afterprint', () => {
  for (const each of folded) each.open = false;
});
