"""`i2v predict` from the command line: options, and a kill."""

import json
import os
import signal
import subprocess
import sys

import pytest
from paths import ROOT

from i2v_jax import cli

KILLED = """
import os, signal, sys
from i2v_jax import cli
from i2v_jax.deploy.prediction.journal import Journal

append = Journal.append

def stop(self, data, record):
  if self.done == 2:
    self._out.write(data[:7])
    self._out.flush()
    os.kill(os.getpid(), signal.SIGKILL)
  append(self, data, record)

Journal.append = stop
cli.main(sys.argv[1:])
"""


def i2v(*args) -> int:
  with pytest.raises(SystemExit) as end:
    cli.main(['predict', *map(str, args)])
  return end.value.code


def test_a_killed_command_resumes_to_the_same_bytes(
  smoke_run, videos, tmp_path
):
  names = ('h265.mp4', 'README.md', 'rotated_90.mov', 'arm_wrestling.mp4')
  command = [*(videos / name for name in names), '--workdir', smoke_run]
  wanted, out = tmp_path / 'wanted.jsonl', tmp_path / 'out.jsonl'
  assert i2v(*command, '--out', wanted) == 1
  killed = ['predict', *command, '--out', out]
  done = subprocess.run(
    [sys.executable, '-c', KILLED, *map(str, killed)],
    env=os.environ | {'PYTHONPATH': str(ROOT)},
    check=False,
  )
  assert done.returncode == -signal.SIGKILL
  lines = out.read_bytes().split(b'\n')
  assert len(lines) == 3 and len(lines[2]) == 7
  assert i2v(*command, '--out', out) == 1
  assert out.read_bytes() == wanted.read_bytes()
  assert [json.loads(line)['file'] for line in lines[:2]] == [
    str(videos / name) for name in names[:2]
  ]


@pytest.mark.parametrize(
  ('options', 'said'),
  [
    ('--stay 0.5', '--stay is of a timeline'),
    ('--max-gap 1', '--max-gap is of a timeline'),
    ('--format txt', '--format is of a timeline'),
    ('--timeline --format txt', 'is of a folder of timelines'),
    ('--timeline --format txt --out a.jsonl', 'is of a folder of timelines'),
    ('--step 1', 'give --window'),
    ('--threshold 0.4 --threshold .5', 'of all classes is given twice'),
    ('--threshold a=0 --threshold a=0', "of the class 'a' is given twice"),
    ('--timeline --top 2', 'A timeline has no --top'),
    ('--window 2 --step 3', '--step is 3 seconds, more than'),
    ('--json --out a.jsonl', 'leave one out'),
    ('--part 3/2', '--part is I/N'),
    ('--out a.xlsx', 'end the name in one of'),
    ('--timeline --out a.vtt', 'holds one timeline'),
  ],
)
def test_what_makes_no_sense_is_refused_before_any_work(
  videos, capsys, options, said
):
  clips = [videos / 'h265.mp4', videos / 'mpeg4.avi']
  assert i2v(*clips, '--workdir', 'none', *options.split()) == 1
  assert said in capsys.readouterr().err


@pytest.mark.parametrize(
  ('options', 'said'),
  [
    ('--timeline --threshold moves=0.4', "'moves', which the model does not"),
    ('--threshold 0.4', '--threshold is for --timeline'),
  ],
)
def test_what_the_model_does_not_know_is_refused(
  smoke_run, videos, capsys, options, said
):
  clip = videos / 'h265.mp4'
  assert i2v(clip, '--workdir', smoke_run, *options.split()) == 1
  assert said in capsys.readouterr().err


def test_thresholds_are_parsed(smoke_run, videos, capsys):
  clip = videos / 'arm_wrestling.mp4'
  given = ['--threshold', '1', '--threshold', 'moves left=0', '--json']
  command = [clip, '--workdir', smoke_run, '--timeline', '--window', '4']
  assert i2v(*command, *given) == 0
  found = json.loads(capsys.readouterr().out)['segments']
  assert {segment['class'] for segment in found} <= {'moves left'}
  with pytest.raises(SystemExit, match='2'):
    cli.main(['predict', 'a.mp4', '--workdir', 'x', '--threshold', 'a=two'])
  assert 'argument --threshold' in capsys.readouterr().err


def test_top_and_parts(smoke_run, videos, capsys):
  clips = [videos / 'h265.mp4', videos / 'mpeg4.avi', videos / 'h265.mp4']
  command = [*clips, '--workdir', smoke_run, '--json', '--top', '2']
  assert i2v(*command, '--part', '2/2', '--threads', '1') == 0
  found = json.loads(capsys.readouterr().out)
  assert found['file'] == str(clips[1]) and len(found['top']) == 2
