"""What the docs name is there: tests, image models, formats."""

import re

import pytest
from paths import ROOT

from configs import common
from i2v_jax.backbones.image_model import FAMILIES
from i2v_jax.backbones.normalization import NORMALIZATION
from i2v_jax.weights import releases
from i2v_jax.weights.formats import FORMATS

PAGES = [*sorted(ROOT.glob('*.md')), *sorted((ROOT / 'docs').glob('*.md'))]
TESTS = {
  name
  for path in (ROOT / 'tests').rglob('test_*.py')
  for name in [
    path.stem,
    *re.findall(r'def (test_\w+)', path.read_text(encoding='utf-8')),
  ]
}
# For the reader to write.
EXAMPLES = {'test_parallel', 'i2v_jax/adapters/parallel.py'}
EXAMPLES |= {'tests/adapters/test_parallel.py', 'mine.py'}
FOLDERS = 'i2v_jax|tests|configs|docs|launch|benchmarks'
WEIGHTS = (ROOT / 'docs' / 'weights.md').read_text(encoding='utf-8')


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_tests_that_are_named_exist(page):
  named = set(
    re.findall(r'\btest_\w+[a-z0-9]', page.read_text(encoding='utf-8'))
  )
  assert named - EXAMPLES <= TESTS


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_files_that_are_named_exist(page):
  text = page.read_text(encoding='utf-8')
  named = re.findall(rf'(?<![\w/.<-])((?:{FOLDERS})/[\w/.]*\w)', text)
  # Of `configs/x_{a,b}.py` and `tests/test_<method>.py` the beginning.
  missing = {x for x in named if not list(ROOT.glob(f'{x}*'))}
  assert missing <= EXAMPLES
  files = set(re.findall(r'`(\w+\.(?:py|sh))`', text))
  missing = {name for name in files if not list(ROOT.rglob(name))}
  assert missing <= EXAMPLES


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_modules_that_are_named_exist(page):
  text = page.read_text(encoding='utf-8')
  for name in set(re.findall(r'\bi2v_jax(?:\.[a-z]\w*)+', text)):
    path, rest = ROOT, name.split('.')
    while rest and (path / rest[0]).is_dir():
      path, rest = path / rest[0], rest[1:]
    if rest and (path / f'{rest[0]}.py').is_file():
      path, rest = path / f'{rest[0]}.py', rest[1:]
    if path.is_dir():
      path /= '__init__.py'
    defined = path.read_text(encoding='utf-8')
    assert not rest or re.search(rf'\b{rest[0]}\b', defined), name


def test_every_family_and_format_has_a_row():
  rows = [line for line in WEIGHTS.splitlines() if line.startswith('| ')]
  table = '\n'.join(rows)
  for family in FAMILIES:
    assert f'`{family}`' in table
  for module in (*FORMATS, *releases.RELEASES):
    assert module.__doc__


def test_every_row_has_a_proof_and_a_normalisation():
  table = re.search(r'^\| source.*?\n\n', WEIGHTS, re.M | re.S)[0]
  for row in table.strip().splitlines()[2:]:
    *_, normalization, proof = row.strip('| ').split(' | ')
    assert 'test_' in proof, row
    assert normalization.strip('`') in {*NORMALIZATION, 'as stated'}, row


def test_every_row_of_the_other_tables_has_a_proof():
  text = WEIGHTS.split('## Image models')[1].split('## Published')[0]
  rows = [line for line in text.splitlines() if line.startswith('| ')]
  heads = [row for row in rows if row.endswith(' proven by |')]
  assert len(heads) == 3
  assert all('test_' in row for row in rows if row not in heads)


def test_every_family_of_the_configs_has_weights_and_a_normalisation():
  assert common.WEIGHTS.keys() == common.NORMALIZATION.keys()
  for family in common.WEIGHTS:
    c = common.base()
    common.backbone(c, '', 8, family)
    assert c.model.backbone.family in FAMILIES
  assert set(common.NORMALIZATION.values()) <= NORMALIZATION.keys()
