"""The page that viewers open: one file that asks this server only."""

import base64
import hashlib
import pathlib
from typing import NamedTuple

from i2v_jax.training.report import render

FOLDER = pathlib.Path(__file__).parent / 'viewer'


class Page(NamedTuple):
  """A page and what it may do.

  Attributes:
    html: of the page.
    policy: its Content-Security-Policy.
  """

  html: bytes
  policy: str


def make_page() -> Page:
  """Makes the page, in the style of reports."""
  read = lambda name: (FOLDER / name).read_text(encoding='utf-8')
  style = render.read_part('style.css') + read('stream.css')
  script = read('stream.js')
  html = read('stream.html').replace('{{ style }}', style)
  html = html.replace('{{ script }}', script).encode()
  policy = (
    f"default-src 'none'; style-src '{_digest(style)}'; img-src 'self' data:; "
    f"connect-src 'self'; script-src '{_digest(script)}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
  )
  return Page(html, policy)


def _digest(text: str) -> str:
  found = hashlib.sha256(text.encode()).digest()
  return f'sha256-{base64.b64encode(found).decode()}'
