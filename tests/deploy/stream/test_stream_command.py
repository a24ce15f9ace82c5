"""`i2v stream`, with a model that stands for one that streams."""

import json
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
from paths import ROOT
from streamed import LONG, encode_jpeg

from i2v_jax import cli
from i2v_jax.deploy.stream import recogniser
from i2v_jax.deploy.trained import Trained

# Runs the command with that model, in a process of its own.
PROGRAM = """
import sys
from test_stream_command import open_any
from i2v_jax import cli
from i2v_jax.deploy.stream import recogniser
recogniser.TrainedRecogniser = open_any
cli.main(sys.argv[1:])
"""


class Bright:
  """The brighter a frame, the later the class."""

  def __init__(self, class_names, streams):
    self.class_names, self.streams = class_names, streams

  def step(self, frames, fresh, present):
    assert len(frames) == len(fresh) == len(present) == self.streams
    bright = frames.mean(axis=(1, 2, 3)) / 256
    best = (bright * len(self.class_names)).astype(int)[:, None]
    return np.where(np.arange(len(self.class_names)) == best, 0.7, 0.1)


def open_any(trained, streams):
  return Bright(trained.class_names, streams)


@pytest.fixture
def run(smoke_run, monkeypatch, capsys):
  """Runs the command; gives its exit code, and what it printed."""
  monkeypatch.setattr(recogniser, 'TrainedRecogniser', open_any)

  def call(*args):
    with pytest.raises(SystemExit) as end:
      cli.main(['stream', '--workdir', str(smoke_run), *map(str, args)])
    return end.value.code, capsys.readouterr()

  return call


def read_events(path):
  return [json.loads(line) for line in path.read_text().splitlines()]


def test_files_and_folders_are_recognised_with_the_rules_given(
  run, shades, tmp_path
):
  out = tmp_path / 'events.jsonl'
  options = ['--fast', '--out', out, '--threshold', '0.6', '--min-length', '1']
  code, shown = run(shades, *options)
  assert code == 0
  events = read_events(out)[1:]
  assert [(e['event'], e['start']) for e in events] == [
    ('begin', 0),
    ('end', 0),
    ('begin', 1),
    ('end', 1),
  ]
  lines = shown.out.splitlines()
  assert len(lines) == 5 and '20 frames' in lines[-1]
  code, _ = run(shades, *options, '--rate', '2', '--threshold', 'moves left=1')
  assert code == 0 and len(read_events(out)) > 5


@pytest.mark.parametrize('fps, frames', [(4.0, 10), (8.0, 20), (None, 20)])
def test_frames_have_the_distance_of_the_training_videos(
  run, shades, monkeypatch, fps, frames
):
  """The source has 8 a second; an older run does not know its own."""
  monkeypatch.setattr(Trained, 'training_fps', fps)
  code, shown = run(shades, '--fast')
  assert code == 0 and f'{frames} frames, ' in shown.out
  assert ('does not say how many frames' in shown.out) == (fps is None)


def test_a_source_that_fails_is_the_exit_code(run, shades, tmp_path):
  (tmp_path / 'bad.mp4').write_bytes(b'garbage')
  code, shown = run(shades, tmp_path / 'bad.mp4', '--fast')
  assert code == 1 and 'bad.mp4: cannot be read (it is text' in shown.out
  assert '20 frames' in shown.out


def test_a_device_that_is_no_camera_is_one_sentence(run):
  code, shown = run(os.devnull)
  assert code == 1 and f'{os.devnull}: cannot be read (' in shown.out


def test_viewers_are_told_where(run, shades):
  code, shown = run(shades, '--fast', '--serve', '0')
  assert code == 0 and 'viewers: http://127.0.0.1:' in shown.out
  code, shown = run(shades, '--fast', '--serve', '0.0.0.0:0')
  assert '/?token=' in shown.out


@pytest.mark.parametrize(
  'args, says',
  [
    (['absent.mp4'], 'absent.mp4: no such file or folder'),
    (['rtps://cam/1'], "did you mean 'rtsps'"),
    (['-', '-'], 'named twice'),
    (['SHADES', '--fps', '3'], '--fps applies only to folders of frames'),
    (['SHADES', '--raw', '4x4'], '--raw applies only to stdin'),
    (['SHADES', '--out', 'events.csv'], 'end the name in .jsonl'),
    (['SHADES', '--serve', 'here'], '--serve is'),
    (['SHADES', '--threshold', 'moves=1'], 'which the model does not have'),
    (['SHADES', '--threshold', '1', '--threshold', '1'], 'given twice'),
  ],
)
def test_what_cannot_be_is_one_sentence(run, shades, args, says):
  args = [str(shades) if arg == 'SHADES' else arg for arg in args]
  code, shown = run(*args)
  assert code == 1 and says in shown.err and shown.err.startswith('error: ')


@pytest.mark.parametrize(
  'args', [['--raw', '4'], ['--raw', '0x5'], ['--raw', '4xb'], ['--rate', '0']]
)
def test_values_out_of_range_are_refused_by_the_parser(run, shades, args):
  code, shown = run(shades, *args)
  assert code == 2 and f'argument {args[0]}' in shown.err


def test_a_model_that_cannot_stream_says_so(smoke_run, shades, capsys):
  with pytest.raises(SystemExit, match='1'):
    cli.main(['stream', '--workdir', str(smoke_run), str(shades)])
  shown = capsys.readouterr().err
  assert re.match(r'error: .* cannot (read a )?stream', shown)


@pytest.mark.parametrize(
  'name', ['SIGINT', pytest.param('SIGTERM', marks=pytest.mark.slow)]
)
def test_a_signal_ends_it_cleanly(smoke_run, tmp_path, name):
  """While stdin is open and gives nothing."""
  out = tmp_path / 'events.jsonl'
  command = [sys.executable, '-c', PROGRAM, 'stream', '-']
  command += ['--workdir', smoke_run, '--out', out, '--fps', '8']
  paths = os.pathsep.join(sys.path)
  with subprocess.Popen(
    command,
    cwd=ROOT,
    env=os.environ | {'PYTHONPATH': paths},
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  ) as process:
    process.stdin.buffer.write(encode_jpeg(200))
    process.stdin.flush()
    first = process.stdout.readline()  # there has been a frame
    process.send_signal(signal.Signals[name])
    shown, errors = process.communicate(timeout=LONG)
  assert 'begins, 70%' in first
  assert process.returncode == 0
  assert 'Traceback' not in errors
  assert errors.startswith(f'{name}: stopping')
  assert 'ends after 0:00.1' in shown and '1 frame,' in shown
  assert [e['event'] for e in read_events(out)] == ['session', 'begin', 'end']
