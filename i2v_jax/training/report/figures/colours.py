"""Colours of figures: CSS variables of the page, with fallbacks.

Matplotlib draws with a key of each, which `svg` replaces.
"""

_FALLBACKS = {
  'ink': '#1b1f24',
  'muted': '#5b6470',
  'grid': '#d5dae1',
  'accent': '#0b57b0',
  'accent-2': '#c2570c',
  'accent-3': '#2f9e6e',
  'paper': '#ffffff',
}
INK, MUTED, GRID, ACCENT, ACCENT_2, ACCENT_3, PAPER = KEYS = tuple(
  f'#0102{number:02x}' for number in range(3, 3 + len(_FALLBACKS))
)
CSS = {
  key: f'var(--{name},{colour})'
  for key, (name, colour) in zip(KEYS, _FALLBACKS.items(), strict=True)
}
LINES = ACCENT, ACCENT_2, ACCENT_3, INK
