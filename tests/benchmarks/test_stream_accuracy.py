"""The scripts that measure accuracy in streams, on a run of three steps."""

import csv
import dataclasses

import clips_in_a_row
import jax
import numpy as np
import pytest
import stream_age
import stream_changes
import stream_reading

from i2v_jax import load, normalize
from i2v_jax.data.videos import decode
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import experiment


@pytest.fixture(scope='module')
def trained(smoke_runs):
  return load(smoke_runs('stream_quickstart')[0])


def find_classes(trained, clips):
  """What the clip model finds in clips."""
  pixels = normalize(clips, trained.config['data']['normalization'])
  apply = jax.jit(lambda x: trained.model.apply({'params': trained.params}, x))
  return np.asarray(apply(pixels).argmax(-1))


def test_at_age_0_the_stream_is_the_clip_model(trained, monkeypatch, capsys):
  monkeypatch.setattr(stream_age, 'AGES', (0, 3, 8))
  monkeypatch.setattr(stream_age, 'STREAMS', 5)
  rng = np.random.default_rng(0)
  frames, labels = stream_age.find_windows(trained, 10, rng)
  assert frames.shape == (10, 16, 32, 32, 3)
  young, _, old = stream_age.measure(trained, frames, labels)
  right = find_classes(trained, frames[:, 8:]) == labels
  assert young == right.mean()
  read = stream_reading.make_reader(trained)
  assert old == (read(frames)[:, -1].argmax(-1) == labels).mean()

  with pytest.raises(SystemExit) as end:
    stream_age.main([str(trained.path), '--windows', '10'])
  assert not end.value.code
  lines = capsys.readouterr().out.splitlines()
  assert lines[2].startswith(f'| 0 | {100 * young:.1f}')
  with pytest.raises(SystemExit) as end:
    stream_age.main([str(trained.path), '--windows', '7'])
  assert end.value.code == 1


def test_clips_in_a_row_are_listed_where_they_are(
  trained, digits, tmp_path, monkeypatch
):
  monkeypatch.setattr(clips_in_a_row, 'CLIPS', 8)
  clips_in_a_row.main(digits, tmp_path / 'rows')
  text = (tmp_path / 'rows' / 'segments.csv').read_text(encoding='utf-8')
  rows = list(csv.DictReader(text.splitlines()))
  paths = [p for s in ('train', 'val') for p in (digits / s).glob('*/*.mp4')]
  assert len(rows) == len(paths)
  assert rows[1]['start'] == rows[0]['end'] == '1.0000'

  data = {'format': 'segments', 'root': str(tmp_path / 'rows'), 'options': {}}
  config = experiment.to_plain(trained.config)
  config['data'] |= data
  other = dataclasses.replace(trained, config=config)
  monkeypatch.setattr(stream_age, 'AGES', (0, 16))
  rng = np.random.default_rng(0)
  frames, labels = stream_age.find_windows(other, 5, rng)
  for window, label in zip(frames[:, -8:], labels, strict=True):
    folder = digits / 'val' / trained.class_names[label]
    clips = [decode.read_frames(p, range(8)) for p in folder.glob('*.mp4')]
    apart = [np.abs(window.astype(int) - clip).mean() for clip in clips]
    assert min(apart) < 2  # encoded once more


def test_the_answer_of_a_window_holds_until_the_next():
  found = np.arange(9)  # of windows of 4 that end at frames 3 to 11
  answers = stream_changes.hold(found, 4, 3, 0)
  assert answers.tolist() == [-1] * 3 + [0, 0, 0, 3, 3, 3, 6, 6, 6]
  late = stream_changes.hold(found, 4, 3, 2)
  assert late.tolist() == [-1] * 5 + [2, 2, 2, 5, 5, 5, 8]


def test_events_are_matched_with_changes():
  make = lambda name, start: {'class': name, 'start': start}
  events = [make('b', 1.25), make('b', 1.5), make('a', 2.9), make('b', 3.0)]
  found = stream_changes.match(events, [0, 1, 0, 0], 'ab', length=8, fps=8)
  assert found == {
    'changes': 3,
    'begin within T frames': '66.7%',
    'frames until then, median': 4.5,
    'other events': 2,
  }


def test_a_video_of_several_motions_is_streamed(trained, capsys):
  with pytest.raises(SystemExit) as end:
    stream_changes.main([str(trained.path), '--clips', '4'])
  assert not end.value.code
  text = capsys.readouterr().out
  assert text.count('\n| a window every') == 3
  assert '\n| stream | 1 | ' in text and '\n| every frame | 8 | ' in text


def test_spans_of_videos_are_no_clips(trained, tmp_path, monkeypatch, digits):
  monkeypatch.setattr(clips_in_a_row, 'CLIPS', 100)
  clips_in_a_row.main(digits, tmp_path)
  config = experiment.to_plain(trained.config)
  config['data'] |= {'format': 'segments', 'root': str(tmp_path), 'options': {}}
  other, rng = dataclasses.replace(trained, config=config), None
  with pytest.raises(UserError, match='give --of a run on clips'):
    stream_changes.write_stream(other, tmp_path / 'x.mp4', 4, rng)


def test_frames_of_another_size_are_refused(trained):
  read = stream_reading.make_reader(trained)
  with pytest.raises(UserError, match='48 x 32 pixels and the model sees 32'):
    read(np.zeros((1, 8, 32, 48, 3), np.uint8))
