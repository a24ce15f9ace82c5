"""Code of the docs, for tests that run it."""

import re

from paths import ROOT

DOCS = ROOT / 'docs'


def code(page: str, section: str, which: int = 0, of: int = 1) -> str:
  """One of the Python blocks of a section of a page."""
  text = (DOCS / page).read_text(encoding='utf-8')
  _, found = text.split(f'\n## {section}\n')
  blocks = re.findall(r'```python\n(.*?)```', found.split('\n## ')[0], re.S)
  assert len(blocks) == of, f'{page}, {section} has {len(blocks)} blocks'
  return blocks[which]
