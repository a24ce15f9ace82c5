"""What a terminal shows, and what a log file gets."""

import io
import re

from streamed import run

from i2v_jax.deploy.stream import screen as screens
from i2v_jax.deploy.stream.screen import Screen
from i2v_jax.runtime.console import Console

HEADINGS = 'source time state 1 2 3 frames/s latency dropped'


def show(sources, terminal, **options):
  """What is shown of a session, without colours and cursor."""
  options = {'width': 140, 'highlight': False, 'markup': False} | options
  file = io.StringIO()
  console = Console(
    file=file, force_terminal=terminal, soft_wrap=True, **options
  )
  heard, _ = run(sources, Screen(console))
  return re.sub(r'\x1b\[[0-9;?]*\w', '', file.getvalue()), heard


def test_a_log_gets_a_line_for_each_event_and_one_at_the_end(shades):
  text, _ = show([shades], terminal=False)
  lines = text.splitlines()
  assert lines[0] == f'0:00.0  {shades}  dark begins, 96%'
  assert lines[1] == f'0:01.0  {shades}  dark ends after 0:01.0, mean 96%'
  assert len(lines) == 7
  assert re.fullmatch(
    r'0:02\.4  \S+a\.mp4  ended: dark 96%, bright 4%; 20 frames, \S+ a second, '
    r'latency \d+ ms, 0 dropped',
    lines[-1],
  )


def test_a_log_gets_lines_in_between(shades, monkeypatch):
  monkeypatch.setattr(screens, 'EVERY', 0.0)
  text, _ = show([shades], terminal=False)
  assert len([x for x in text.splitlines() if 'frames, ' in x]) >= 20


def test_a_terminal_shows_a_table_of_all_streams_and_the_last_events(
  shades, tmp_path
):
  bad = tmp_path / 'bad.mp4'
  bad.write_bytes(b'garbage')
  text, _ = show([shades, bad], terminal=True)
  table = text[text.rindex('source') :].splitlines()
  assert ' '.join(table[0].split()) == HEADINGS
  assert 'a.mp4' in table[2] and 'ended' in table[2] and '96% dark' in table[2]
  assert 'bad.mp4' in table[3] and 'failed' in table[3]
  assert 'dark ends' in table[-1]
  assert 'bad.mp4: cannot be read' in text


def test_a_narrow_terminal_shows_the_best_class(shades):
  text, _ = show([shades], terminal=True, width=60)
  rows = [line for line in text.splitlines() if '96% dark' in line]
  assert rows and max(map(len, rows)) <= 60
  assert 'a.mp4' in rows[-1] and 'bright' not in rows[-1]
  assert 'latency' in text
