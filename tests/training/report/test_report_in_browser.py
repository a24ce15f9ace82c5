"""Reports in a real browser: Chromium, without a window."""

import browser
import pytest
import reported
import swept

from i2v_jax.training.report import make_report

pytestmark = pytest.mark.slow
# Texts of each figure that are outside of it, and pairs that overlap.
FIND_HIDDEN = """[...document.querySelectorAll('svg.figure')].flatMap((svg) => {
  const box = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].filter((text) => {
    const own = text.getBoundingClientRect();
    return own.left < box.left - 3 || own.right > box.right + 3 ||
      own.top < box.top - 3 || own.bottom > box.bottom + 3;
  }).map((text) => text.textContent);
})"""
FIND_OVERLAPS = """[...document.querySelectorAll('svg')].flatMap((svg) => {
  const texts = [...svg.querySelectorAll('text')];
  const boxes = texts.map((text) => text.getBoundingClientRect());
  const found = [];
  for (let i = 0; i < texts.length; ++i) for (let j = 0; j < i; ++j) {
    const [a, b] = [boxes[i], boxes[j]];
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (wide > 2 && high > 4) {
      found.push([texts[i].textContent, texts[j].textContent]);
    }
  }
  return found;
})"""


@pytest.fixture(scope='module')
def chromium():
  with browser.running() as found:
    yield found


@pytest.fixture(scope='module')
def files(tmp_path_factory):
  """The page of a run and that of a sweep, both with cursed names."""
  folder = tmp_path_factory.mktemp('reports')
  names = (*reported.NAMES, *(f'class {n}' for n in range(20)))
  reported.make_run(folder / 'run', names, examples=120)
  swept.make_sweep(folder / 'sweep')
  for name in ('run', 'sweep'):
    page = make_report(folder / name)
    (folder / f'{name}.html').write_text(page, encoding='utf-8')
  return folder


def read_column(page, table, column):
  """Cells of a column as numbers, of the rows that are shown."""
  return page.evaluate(
    f"""[...document.querySelectorAll('#{table} tbody tr')]
    .filter((row) => row.checkVisibility())
    .map((row) => row.cells[{column}].querySelector('data'))
    .map((data) => data && Number(data.value))"""
  )


def read_shades(page):
  """How light paper and ink are, 0 to 255."""
  return page.evaluate(
    """['backgroundColor', 'color']
    .map((name) => getComputedStyle(document.body)[name].match(/\\d+/g))
    .map((rgb) => rgb.slice(0, 3).map(Number).reduce((a, b) => a + b) / 3)"""
  )


@pytest.mark.parametrize('scheme', ['light', 'dark'])
@pytest.mark.parametrize('width', [1280, 390])
@pytest.mark.parametrize('name', ['run', 'sweep'])
def test_a_page_is_complete_in_itself(chromium, files, name, width, scheme):
  path = files / f'{name}.html'
  page = chromium.open(path, width, scheme)
  assert page.requests == [path.as_uri()]
  assert page.evaluate('document.documentElement.scrollWidth') == width
  assert not page.evaluate(FIND_HIDDEN)
  paper, ink = read_shades(page)
  assert (paper - ink > 150) if scheme == 'light' else (ink - paper > 150)
  assert page.evaluate("document.querySelectorAll('script').length") == 1
  assert page.messages == []


def test_names_in_figures_do_not_overlap(chromium, files):
  page = chromium.open(files / 'sweep.html')
  assert page.evaluate("document.querySelectorAll('svg.figure').length") == 4
  assert page.evaluate(FIND_OVERLAPS) == []


@pytest.mark.parametrize(
  ('name', 'table', 'column'),
  [('run', 'classes', 2), ('sweep', 'table', 3)],
)
def test_a_heading_sorts_its_table(chromium, files, name, table, column):
  page = chromium.open(files / f'{name}.html')
  before = read_column(page, table, column)
  known = sorted((x for x in before if x is not None), reverse=True)
  rest = [None] * before.count(None)
  assert before != known + rest
  heading = f'#{table} thead th:nth-child({column + 1})'
  for order, wanted in (('descending', known), ('ascending', known[::-1])):
    page.point(f'{heading} button', click=True)
    assert read_column(page, table, column) == wanted + rest
    sorts = f"document.querySelector('{heading}').getAttribute('aria-sort')"
    assert page.evaluate(sorts) == order
  page.point(f'#{table} thead th:first-child button', click=True)
  assert page.evaluate(sorts) == 'none'
  assert page.messages == []


@pytest.mark.parametrize(
  ('name', 'table'), [('run', 'classes'), ('sweep', 'table')]
)
def test_a_field_filters_its_table(chromium, files, name, table):
  page = chromium.open(files / f'{name}.html')
  rows = f"""[...document.querySelectorAll('#{table} tbody tr')]
    .filter((row) => row.checkVisibility())
    .map((row) => row.textContent)"""
  every = page.evaluate(rows)
  page.write(f'[data-filter={table}]', '<SCRIPT>')
  shown = page.evaluate(rows)
  assert shown == [row for row in every if '<script>' in row]
  assert 0 < len(shown) < len(every)
  count = f"document.querySelector('[data-count={table}]').textContent"
  assert page.evaluate(count) == f'{len(shown)} of {len(every)}'
  page.evaluate(f"""(() => {{
    const field = document.querySelector('[data-filter={table}]');
    field.value = '';
    field.dispatchEvent(new Event('input'));
  }})()""")
  assert page.evaluate(rows) == every
  assert page.messages == []


def test_hovering_tells_more(chromium, files):
  page = chromium.open(files / 'run.html')
  page.point('#classes td data')
  shown = "[...document.querySelectorAll('data:hover')].map((x) => x.title)"
  (title,) = page.evaluate(shown)
  assert float(title) == read_column(page, 'classes', 1)[0]
  page = chromium.open(files / 'sweep.html')
  page.point('svg.figure circle')
  tips = """[...document.querySelectorAll('svg g:hover > title')]
    .map((title) => title.textContent)"""
  (tip,) = page.evaluate(tips)
  assert tip.split(':')[0] in swept.METHODS or len(tip) > 60
  assert page.messages == []


@pytest.mark.parametrize('name', ['run', 'sweep'])
def test_on_paper_nothing_is_folded_up(chromium, files, name):
  page = chromium.open(files / f'{name}.html', scheme='dark')
  assert page.print_pdf().startswith(b'%PDF')
  folded = "document.querySelectorAll('details:not([open])').length"
  before = page.evaluate(folded)
  page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
  assert page.evaluate(folded) == 0
  page.evaluate("window.dispatchEvent(new Event('afterprint'))")
  assert page.evaluate(folded) == before
  page.call('Emulation.setEmulatedMedia', media='print')
  paper, ink = read_shades(page)
  assert (paper, ink) == (255, 0)
  assert page.messages == []
