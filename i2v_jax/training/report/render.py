"""Templates become one HTML file that asks for nothing else.

All texts are escaped; numbers keep their exact value in `<data value>`.
"""

import base64
import functools
import hashlib
import json
import math
import pathlib
import re
import time
from typing import Any

import jinja2
from markupsafe import Markup

from i2v_jax.training.workdir.status import format_duration

PAGE = pathlib.Path(__file__).parent / 'page'
NONE = '\u2013'  # a dash
_BYTES = ((1e9, 'GB'), (1e6, 'MB'), (1e3, 'kB'))
_COUNTS = ((1e12, 'T'), (1e9, 'G'), (1e6, 'M'))
_SPACE = '\u00a0'  # which does not break a line


def render(template: str, **values: Any) -> str:
  """Renders a template of the folder `page` with its style and script.

  Args:
    template: name of the file.
    **values: of the template.
  """
  script = read_part('script.js')
  digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
  html = (
    make_environment()
    .get_template(template)
    .render(
      style=Markup(read_part('style.css')),
      script=Markup(script),
      script_digest=digest,
      written=time.strftime('%Y-%m-%d %H:%M'),
      **values,
    )
  )
  # Names of files may be any bytes, and no HTML holds half of a character.
  return html.encode(errors='replace').decode()


def read_part(name: str) -> str:
  """Reads a file of the folder `page`."""
  return (PAGE / name).read_text(encoding='utf-8')


@functools.cache
def make_environment() -> jinja2.Environment:
  """Makes the environment of all templates; what is missing is an error."""
  found = jinja2.Environment(
    loader=jinja2.FileSystemLoader(PAGE),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
  )
  found.filters |= {
    'bytes': show_bytes,
    'count': show_count,
    'date': show_date,
    'duration': show_duration,
    'exact': show_exact,
    'large': show_large,
    'name': show_name,
    'bound': show_bound,
    'percent': show_percent,
    'points': show_points,
    'views': show_views,
    'seconds': show_seconds,
    'svg': Markup,
    'value': show_value,
  }
  return found


def tag(value: Any, text: str) -> Markup:
  """Writes a number as text, with its exact value for readers and programs."""
  exact = json.dumps(value)
  return Markup('<data value="{0}" title="{0}">{1}</data>').format(exact, text)


def is_number(value: Any) -> bool:
  """Whether a value is a finite number."""
  if isinstance(value, bool) or not isinstance(value, int | float):
    return False
  return math.isfinite(value)


def show_name(text: Any) -> Markup:
  """Isolates a name, in whatever direction it is written."""
  return Markup('<bdi>{}</bdi>').format(text)


def show_percent(value: Any, digits: int = 2) -> Markup | str:
  """A share in 0..1 as `98.75 %`."""
  if not is_number(value):
    return NONE
  return tag(value, f'{100 * value:.{digits}f}{_SPACE}%')


def show_bound(value: float) -> Markup:
  """A share that is never rounded to all or to none, as `99.96`."""
  text = f'{100 * value:.2f}'
  if text == '100.00' and value < 1:
    text = '99.99'
  return tag(value, '0.01' if text == '0.00' and value > 0 else text)


def show_points(value: Any, sign: str = '-') -> Markup | str:
  """A difference of shares as points of percent; `+` signs positive ones."""
  return tag(value, f'{100 * value:{sign}.1f}') if is_number(value) else NONE


def show_views(text: Any) -> str:
  """Views such as `1 clips x 3 crops`, with one of a kind in the singular."""
  text = re.sub(r'\b1 (clip|crop|view)s\b', r'1 \1', str(text))
  return text.replace(' x ', ' \u00d7 ')


def show_exact(value: Any, digits: int = 4) -> Markup | str:
  """A number with that many significant digits."""
  return tag(value, f'{value:.{digits}g}') if is_number(value) else NONE


def show_count(value: Any) -> Markup | str:
  """A whole number with separators of thousands."""
  return tag(value, f'{value:,.0f}') if is_number(value) else NONE


def show_large(value: Any) -> Markup | str:
  """A number with the prefix of its size."""
  return _show_unit(value, _COUNTS, '')


def show_bytes(value: Any) -> Markup | str:
  """A number of bytes with a unit."""
  return _show_unit(value, _BYTES, f'{_SPACE}B')


def _show_unit(value: Any, units, smallest: str) -> Markup | str:
  if not is_number(value):
    return NONE
  for size, unit in units:
    if abs(value) >= size:
      return tag(value, f'{value / size:.3g}{_SPACE}{unit}')
  return tag(value, f'{value:,.0f}{smallest}')


def show_seconds(value: Any) -> Markup | str:
  """Seconds, milliseconds below one."""
  if not is_number(value):
    return NONE
  if abs(value) < 1:
    return tag(value, f'{1000 * value:.3g}{_SPACE}ms')
  return tag(value, f'{value:.3g}{_SPACE}s')


def show_duration(value: Any) -> Markup | str:
  """Seconds in their two largest units."""
  return tag(value, format_duration(value)) if is_number(value) else NONE


def show_date(value: Any) -> str:
  """A time in seconds since 1970, on the clock of this machine."""
  if not is_number(value):
    return NONE
  return time.strftime('%Y-%m-%d %H:%M', time.localtime(value))


def show_value(value: Any) -> Markup:
  """A value of a config as it would be written in one."""
  return Markup('<bdi class="code">{}</bdi>').format(_write(value))


def _write(value: Any) -> str:
  if isinstance(value, str):
    return value if value.isidentifier() else repr(value)
  return repr(value)
