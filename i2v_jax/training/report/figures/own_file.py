"""A figure as a file of its own, such as a README shows."""

import re

# A page that shows a picture cannot set its colours.
STYLE = """
svg{--paper:#fcfcfa;--ink:#1b1f24;--muted:#5b6470;--grid:#d9dde3;
--accent:#0b57b0;--accent-2:#b34d05;--accent-3:#1d7a52;background:var(--paper)}
@media(prefers-color-scheme:dark){svg{--paper:#14171b;--ink:#e9ebee;
--muted:#9ca5b1;--grid:#333a43;--accent:#7fb8ff;--accent-2:#f0a35e;
--accent-3:#6fd0a3}}
"""


def make_file(svg: str, scale: float = 1.5) -> str:
  """Gives the SVG of a figure a size and colours, light and dark."""
  width, height = re.search(r'viewBox="0 0 (\S+) (\S+)"', svg).groups()
  size = f'width="{float(width) * scale:g}" height="{float(height) * scale:g}"'
  svg = re.sub(r'width:100%;(m..-width:[^;]*;)*', '', svg, count=1)
  svg = svg.replace('<svg ', f'<svg {size} ', 1)
  return svg.replace('</title>', f'</title><style>{STYLE}</style>', 1) + '\n'
