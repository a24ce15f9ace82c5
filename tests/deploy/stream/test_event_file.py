"""Events are lines of JSON, there as soon as they happen, and kept."""

import json

import pytest
from streamed import Heard, encode_jpeg, feed, run

from i2v_jax.deploy.stream.event_file import EventFile, show_clock
from i2v_jax.runtime.errors import UserError


def read(path):
  return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_for_each_beginning_and_end(shades, tmp_path):
  out = tmp_path / 'events.jsonl'
  run([shades], EventFile(str(out)))
  session, *lines = read(out)
  assert session['event'] == 'session' and session['sources'] == [str(shades)]
  assert session['clock'].endswith('Z')
  begin, end, *_, last = lines
  bright = pytest.approx(1 - 10 / 255, abs=0.01)
  wanted = {'event': 'begin', 'source': str(shades), 'class': 'dark'}
  assert begin == wanted | {'start': 0.0, 'score': bright}
  assert end == wanted | {
    'event': 'end',
    'start': 0.0,
    'end': 1.0,
    'score': bright,
  }
  assert len(lines) == 6 and last['end'] == 2.5


def test_lines_are_there_at_once_and_others_stay(shades, tmp_path):
  out, seen = tmp_path / 'events.jsonl', []

  class Looking(Heard):
    def hear_note(self, stream, note):
      seen.append(note)

    def tick(self):
      seen.append(len(read(out)))

  run([shades], EventFile(str(out)), stop=Looking())
  assert seen[0] < seen[-1]
  before = read(out)
  run([shades], EventFile(str(out)))
  assert len(read(out)) == 2 * len(before)
  assert read(out)[: len(before)] == before


def test_a_live_source_has_the_time_of_day_and_notes(tmp_path):
  out = tmp_path / 'events.jsonl'
  pipe, thread = feed(bytes(2000) + encode_jpeg(200) * 3)
  run(['-'], EventFile(str(out)), pipe=pipe, fps=2.0)
  thread.join()
  _, *lines = read(out)
  assert {line['event'] for line in lines} == {'note', 'begin', 'end'}
  (note,) = (line for line in lines if line['event'] == 'note')
  assert 'no JPEG' in note['text'] and note['source'] == 'stdin'
  assert all(line['clock'].startswith('20') for line in lines)


def test_a_time_of_day_is_utc():
  assert show_clock(0.0625) == '1970-01-01T00:00:00.062Z'


@pytest.mark.parametrize(
  'name, says',
  [
    ('events.csv', r'end the name in \.jsonl'),
    ('no/e.jsonl', 'does not exist'),
  ],
)
def test_where_it_cannot_be_is_said_at_once(tmp_path, name, says):
  with pytest.raises(UserError, match=says):
    EventFile(str(tmp_path / name))


def test_a_full_disk_is_one_sentence(shades, tmp_path, full_disk):
  out = tmp_path / 'events.jsonl'
  with pytest.raises(OSError, match=r'events\.jsonl could not be written'):
    run([shades], EventFile(str(out)))
