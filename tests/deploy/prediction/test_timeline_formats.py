"""Timelines as subtitles, label tracks, and bars in a terminal."""

import io
import re

import pytest

from i2v_jax.deploy.prediction import timeline_bars, timeline_formats
from i2v_jax.deploy.prediction.timeline import Segment, Timeline

SEGMENTS = (
  Segment('moves <left> & on', 0.0, 12.3456, 0.876),
  Segment('b', 3.0, 3.0002, 0.5),
  Segment('two\nlines --> x', 59.9996, 7325.5, 0.501),
)
TIMELINE = Timeline('a.mp4', SEGMENTS, 7400.0)
CLOCK = r'(\d\d+):([0-5]\d):([0-5]\d\.\d{3})'


def parse_vtt(text):
  """Cues of WebVTT: (start, end, text), strictly."""
  head, *blocks = text.rstrip('\n').split('\n\n')
  assert head == 'WEBVTT'
  for number, block in enumerate(blocks, 1):
    name, times, *words = block.split('\n')
    assert name == str(number) and len(words) == 1
    found = re.fullmatch(f'{CLOCK} --> {CLOCK}', times)
    h, m, s, *rest = map(float, found.groups())
    start, end = 3600 * h + 60 * m + s, 3600 * rest[0] + 60 * rest[1] + rest[2]
    assert start < end and '-->' not in words[0]
    assert not re.search(r'[<>]|&(?!amp;|lt;|gt;)', words[0])
    yield start, end, words[0]


def test_subtitles_are_valid():
  assert [*parse_vtt(timeline_formats.make_vtt(TIMELINE))] == [
    (0.0, 12.346, 'moves &lt;left&gt; &amp; on 88%'),
    (3.0, 3.001, 'b 50%'),
    (60.0, 7325.5, 'two lines --&gt; x 50%'),
  ]
  assert timeline_formats.make_vtt(Timeline('a.mp4')) == 'WEBVTT\n'


def test_labels_are_between_tabs():
  lines = timeline_formats.make_labels(TIMELINE).splitlines()
  cells = [line.split('\t') for line in lines]
  assert cells[0] == ['0.000000', '12.345600', 'moves <left> & on']
  assert cells[2][2] == 'two lines --> x' and len(cells) == 3


def test_files_are_written_by_their_ending(tmp_path):
  for suffix, start in (('.vtt', 'WEBVTT'), ('.txt', '0.000000\t')):
    path = tmp_path / f'a{suffix}'
    timeline_formats.write(TIMELINE, path)
    assert path.read_text(encoding='utf-8').startswith(start)


def test_files_of_one_folder_have_different_names():
  clips = ['x/a.mp4', 'x/b.mp4', 'y/a.mp4', 'y/a.avi', 'x/b.mp4']
  assert timeline_formats.name_files(clips, '.vtt') == [
    'a.mp4.vtt',
    'b.mp4.vtt',
    'a.mp4-2.vtt',
    'a.avi.vtt',
    'b.mp4-2.vtt',
  ]
  assert timeline_formats.name_files(['x/c.d.mp4'], '.txt') == ['c.d.txt']


def test_bars_are_aligned_and_show_short_segments():
  segments = (
    Segment('moves left', 0, 10, 0.8),
    Segment('x', 50, 50.1, 0.6),
    Segment('moves left', 90, 100, 0.8),
  )
  made = Timeline('a.mp4', segments, 100.0)
  head, *bars, axis = timeline_bars.draw_bars(made, 32)
  assert head == 'a.mp4  1:40.0, 3 segments'
  assert bars == [
    'moves left  ██················██',
    'x           ··········▪·········',
  ]
  assert axis == '            0:00.0 0:50.0 1:40.0'
  assert {len(line) for line in (*bars, axis)} == {32}


def test_bars_are_ascii_where_they_must_be(monkeypatch):
  monkeypatch.setattr('sys.stdout', io.TextIOWrapper(io.BytesIO(), 'cp1252'))
  made = Timeline('a.mp4', (Segment('x', 0, 0.6, 0.8),), 1.0)
  _, bar, axis = timeline_bars.draw_bars(made, 23)
  assert bar == 'x  ############........' and axis.isascii()


def test_a_timeline_of_nothing_says_so():
  made = Timeline('a.mp4', (), 3700.0)
  assert timeline_bars.draw_bars(made, 80) == ['a.mp4  1:01:40.0, no segment']


def test_long_names_are_cut():
  made = Timeline('a.mp4', (Segment('x' * 40, 0, 1, 0.8),), 1.0)
  _, bar, _ = timeline_bars.draw_bars(made, 60)
  assert bar.startswith('x' * 23 + '~  █') and len(bar) == 60


@pytest.mark.parametrize(
  ('seconds', 'text'), [(0, '0:00.0'), (59.96, '1:00.0'), (3661.2, '1:01:01.2')]
)
def test_times_are_rounded_as_one_number(seconds, text):
  assert timeline_bars.format_time(seconds) == text
