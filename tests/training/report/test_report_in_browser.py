"""The page of a run in a real browser: it sorts, filters and asks nothing."""

import pytest
import reported
from browser import Browser, find_chromium

from i2v_jax.training import report

pytestmark = [
  pytest.mark.slow,
  pytest.mark.skipif(not find_chromium(), reason='there is no Chromium'),
]
CELLS = """[...document.querySelectorAll('#classes tbody tr')]
  .filter(row => !row.hidden).map(row => row.cells[{}].textContent.trim())"""
NUMBERS = """[...document.querySelectorAll('#classes tbody tr')]
  .map(row => Number(row.cells[{}].querySelector('data').value))"""


@pytest.fixture(scope='module')
def browser():
  found = Browser(find_chromium())
  yield found
  found.close()


@pytest.fixture(scope='module')
def path(tmp_path_factory):
  folder = tmp_path_factory.mktemp('browser') / 'run'
  reported.make_run(folder)
  return report.write_report(folder)


@pytest.fixture
def page(browser, path):
  return browser.open(path)


def test_nothing_is_asked_for_and_nothing_is_wrong(page, path):
  page.point('data')  # shows its digits
  assert page.requests == [path.as_uri()]
  assert page.messages == []
  assert page.evaluate('document.scripts.length') == 1
  assert page.evaluate('document.querySelector("data").title') != ''


def test_a_table_is_sorted_both_ways(page):
  heading = '#classes th:nth-child(3)'
  before = page.evaluate(NUMBERS.format(2))
  page.point(f'{heading} button', click=True)
  order = f"document.querySelector('{heading}').getAttribute('aria-sort')"
  assert page.evaluate(order) == 'descending'
  assert page.evaluate(NUMBERS.format(2)) == sorted(before, reverse=True)
  page.point(f'{heading} button', click=True)
  assert page.evaluate(order) == 'ascending'
  assert page.evaluate(NUMBERS.format(2)) == sorted(before)
  page.point('#classes th button', click=True)
  assert page.evaluate(order) == 'none'
  assert page.messages == []


def test_classes_are_filtered_by_what_they_are_called(page):
  page.write('[data-filter="classes"]', '<SCRIPT>')
  names = page.evaluate(CELLS.format(0))
  assert reported.CURSED in names and 'dive' not in names
  count = """document.querySelector('[data-count="classes"]').textContent"""
  assert page.evaluate(count) == f'{len(names)} of {len(reported.NAMES)}'


@pytest.mark.parametrize('scheme', ['light', 'dark'])
@pytest.mark.parametrize('width', [390, 1280])
def test_the_page_is_as_wide_as_the_screen(browser, path, width, scheme):
  page = browser.open(path, width, scheme)
  assert page.evaluate('document.documentElement.scrollWidth') <= width
  colours = page.evaluate("""['color', 'backgroundColor'].map(
    name => getComputedStyle(document.body)[name].match(/\\d+/g)[0])""")
  ink, paper = map(int, colours)
  assert abs(ink - paper) > 150 and (ink < paper) == (scheme == 'light')


def test_what_is_folded_up_is_printed(page):
  shown = "document.querySelectorAll('details:not([open])').length"
  folded = page.evaluate(shown)
  page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
  assert folded and page.evaluate(shown) == 0
  page.evaluate("window.dispatchEvent(new Event('afterprint'))")
  assert page.evaluate(shown) == folded
  assert page.print_pdf().startswith(b'%PDF')
