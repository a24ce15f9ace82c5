"""Makes of an SVG of matplotlib one that is part of a page.

It has no ids, so that several can be in one page; no colours but those that the
page sets; and its texts are texts in the page's font.
"""

import re
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from i2v_jax.training.report.figures.colours import CSS

_SVG = '{http://www.w3.org/2000/svg}'
_HREF = '{http://www.w3.org/1999/xlink}href'
_TOKEN = re.compile(r'\s*Q(\d+)z*\s*')
_NUMBER = re.compile(r'-?\d+\.\d+')
_FONT = 'var(--font,system-ui,sans-serif)'
# What the page's own style or SVG's defaults say.
_DROPPED = re.compile(
  r'(?:font(?:-family)?|stroke-linejoin|stroke-miterlimit)$'
)


def make_token(number: int, letters: float) -> str:
  """Makes the text that matplotlib draws for text of that number.

  Matplotlib would warn of glyphs that its fonts lack, and set `$x$` as
  mathematics; the browser does neither.
  """
  token = f'Q{number}'
  return token + 'z' * (round(letters) - len(token))


def rewrite(
  text: str,
  title: str,
  words: Sequence[str],
  tips: Mapping[str, str],
  size: Sequence[float],
) -> str:
  """Rewrites an SVG of matplotlib.

  Args:
    text: of matplotlib.
    title: what the figure shows, for those who do not see it.
    words: of the tokens, by number.
    tips: of groups by their ids: what is shown on hovering.
    size: width and height in pixels.
  """
  old = ElementTree.fromstring(text)
  width, height = size
  root = ElementTree.Element(
    'svg',
    {
      'xmlns': 'http://www.w3.org/2000/svg',
      'class': 'figure',
      'role': 'img',
      'viewBox': f'0 0 {width:g} {height:g}',
      'style': f'{_size(width)};font-family:{_FONT}',
    },
  )
  ElementTree.SubElement(root, 'title').text = title
  dots = {f'#{path.get("id")}': path for path in old.iter(f'{_SVG}path')}
  for child in old:
    _copy(child, root, words, tips, dots)
  _drop_empty(root)
  return ElementTree.tostring(root, encoding='unicode')


def _size(width: float) -> str:
  """As wide as the page has room; what is wide is not made illegible."""
  least = f'min-width:{0.8 * width:g}px;' if width > 500 else ''
  return f'width:100%;{least}max-width:{1.5 * width:g}px'


def _copy(old, parent, words, tips, dots) -> None:
  """Adds an element and what is in it, without what the page has no use for."""
  tag = old.tag.removeprefix(_SVG)
  if tag in ('metadata', 'defs'):
    return
  tip = tips.get(old.get('id'))
  if tag == 'g' and tip is None:
    new = parent  # groups of matplotlib say nothing
  elif tag == 'use':
    new = ElementTree.SubElement(parent, 'circle', _place_dot(old, dots))
  else:
    new = ElementTree.SubElement(parent, tag, _copy_attributes(old))
  if tip is not None:
    ElementTree.SubElement(new, 'title').text = tip
  if old.text and old.text.strip():
    new.text = _find_words(old.text, words)
  for child in old:
    _copy(child, new, words, tips, dots)


def _place_dot(use, dots) -> dict[str, str]:
  """A circle's attributes, which are shorter than those of its outline."""
  found = _copy_attributes(use)
  outline = dots[use.get(_HREF)].get('d').split()  # M 0 RADIUS C ...
  radius = f'{abs(float(outline[2])):.3g}'
  return {'cx': found['x'], 'cy': found['y'], 'r': radius} | {
    'style': found['style']
  }


def _find_words(text: str, words: Sequence[str]) -> str:
  token = _TOKEN.fullmatch(text)
  return words[int(token[1])] if token else text


def _copy_attributes(old) -> dict[str, str]:
  found = {k: v for k, v in old.attrib.items() if k not in ('id', 'clip-path')}
  if found.get('transform', '').startswith('rotate(-0'):
    del found['transform']
  for name in found.keys() & {'d', 'x', 'y', 'transform'}:
    found[name] = _NUMBER.sub(_round, ' '.join(found[name].split()))
  if 'style' in found:
    found['style'] = _rewrite_style(found['style'])
  return found


def _round(number: re.Match) -> str:
  return f'{float(number[0]):z.1f}'.removesuffix('.0')


def _rewrite_style(style: str) -> str:
  parts = {}
  for part in style.split(';'):
    name, _, value = (x.strip() for x in part.partition(':'))
    if name == 'font':  # before 3.10: all of it
      parts['font-size'] = re.search(r'[\d.]+px', value)[0]
    if name and not _DROPPED.match(name):
      parts[name] = CSS.get(value, value)
  return ';'.join(f'{name}:{value}' for name, value in parts.items())


def _drop_empty(root) -> None:
  """Drops paths that matplotlib draws invisibly, such as backgrounds."""
  for parent in list(root.iter()):
    for child in list(parent):
      if child.tag == 'path' and not child.get('style', '').strip():
        parent.remove(child)
