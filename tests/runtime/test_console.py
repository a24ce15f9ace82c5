"""Nothing that is printed ends a program because of its letters."""

import io

import pytest
from rich.table import Table

from i2v_jax.runtime.console import (
  Console,
  accept_all_text,
  make_encodable,
  make_table,
)

LATIN = b'caf\xe9.mp4'.decode(errors='surrogateescape')


@pytest.mark.parametrize(
  ('encoding', 'text', 'shown'),
  [
    ('utf-8', f'zoë {LATIN}', 'zoë caf\\udce9.mp4'),
    ('cp1252', 'é █', 'é \\u2588'),
    ('ascii', 'é', '\\xe9'),
  ],
)
def test_what_cannot_be_encoded_is_escaped(encoding, text, shown, monkeypatch):
  stream = io.TextIOWrapper(io.BytesIO(), encoding)
  console = Console(file=stream, soft_wrap=True)
  console.print(text)
  stream.flush()
  assert stream.buffer.getvalue().decode(encoding) == f'{shown}\n'
  monkeypatch.setattr('sys.stdout', stream)
  assert make_encodable(text, 'instead') == 'instead'
  assert make_encodable('plain', 'instead') == 'plain'
  accept_all_text()
  print(text, flush=True)
  assert stream.buffer.getvalue().decode(encoding) == f'{shown}\n{shown}\n'


def test_tables_and_terminals_stay_what_they_are():
  stream = io.TextIOWrapper(io.BytesIO(), 'cp1252')
  console = Console(file=stream, width=40)
  assert not console.is_terminal and console.encoding == 'cp1252'
  table = Table(title=LATIN)
  table.add_column('class')
  console.print(table)
  stream.flush()
  assert b'caf\\udce9' in stream.buffer.getvalue()
  console.file = other = io.StringIO()
  console.print('é')
  assert other.getvalue() == 'é\n'


def test_nothing_of_a_table_is_cut_off(monkeypatch):
  monkeypatch.delenv('COLUMNS', raising=False)
  numbers = ['71.9% ± 5.6', '-1.3 (-7.1 to +4.9)']
  names = ['name', 'a longer heading', 'to relocation KV']
  rows = [['relocation ' * 12, *numbers], None, ['b', *numbers]]
  table = make_table('Results', names, rows)
  stream = io.StringIO()
  Console(file=stream, width=30).print(table)
  assert stream.getvalue().count('   '.join(numbers)) == 2
  stream = io.StringIO()
  narrow = Console(file=stream, force_terminal=True, width=48, no_color=True)
  narrow.print(table)
  assert '…' not in stream.getvalue()
  assert stream.getvalue().count('+4.9') == 2
