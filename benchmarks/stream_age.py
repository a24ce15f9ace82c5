r"""Accuracy of a stream against its age: frames since it began.

  python -m i2v_jax.main --config configs/stream_footage.py:age=0 \
    --workdir runs/young
  python -m i2v_jax.main --config configs/stream_footage.py --workdir runs/aged
  python benchmarks/stream_age.py runs/young runs/aged

Each run reads the same windows of T frames of its validation videos, each after
0 to 200 frames that were before it, and answers at its last frame. At age 0
that is the clip model. A window lies within a motion; where videos are single
clips it is one, after other clips in random order. Prints a Markdown table.
"""

import argparse
import functools
import sys

import numpy as np
import stream_reading

from i2v_jax import load
from i2v_jax.cli.numbers import count
from i2v_jax.data.videos import decode
from i2v_jax.deploy.trained import Trained
from i2v_jax.runtime import errors
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import experiment

AGES = (0, 1, 2, 4, 8, 16, 32, 64, 128, 200)  # frames
STREAMS = 50  # at once


def find_windows(trained: Trained, windows: int, rng):
  """Finds windows with their past: uint8 `[N, 200 + T, H, W, 3]`, and labels.

  The past is padded at its beginning to the next multiple of T.
  """
  val = experiment.load_split(trained.config, 'val')
  past = AGES[-1]
  past += -past % trained.spec.num_frames
  choose = choose_clips if val.segments is None else choose_spans
  return choose(trained, val, past, windows, rng)


def choose_clips(trained: Trained, val, past: int, windows: int, rng):
  """Each clip is the end of a stream of clips in random order."""
  frames = trained.spec.num_frames
  clips = [decode.read_frames(path, range(frames)) for path in val.paths]
  order = rng.permutation(len(clips))[:windows]
  found = []
  for last in order:
    before = rng.integers(len(clips), size=past // frames)
    found.append(np.concatenate([clips[i] for i in (*before, last)]))
  return np.stack(found), np.asarray(val.labels)[order]


def choose_spans(trained: Trained, val, past: int, windows: int, rng):
  """Windows within listed motions that have enough frames before them."""
  frames, read = trained.spec.num_frames, functools.cache(read_video)
  places = []  # example, video, and the first and last end of a window
  for example in np.flatnonzero(np.isfinite(val.segments.spans[:, 0])):
    path = val.segments.footage[val.segments.video_of[example]].path
    fps = read(path)[1]
    first, stop = np.round(val.segments.spans[example] * fps).astype(int)
    first = max(first + frames, past + frames)
    if first <= stop:
      places.append((example, read(path)[0], first, stop))
  if not places:
    raise UserError(f'No motion of {frames} frames has {past} before it.')
  found, labels = [], []
  for number in rng.integers(len(places), size=windows):
    example, video, first, stop = places[number]
    end = int(rng.integers(first, stop, endpoint=True))
    found.append(video[end - past - frames : end])
    labels.append(val.labels[example])
  return np.stack(found), np.array(labels)


def read_video(path) -> tuple[np.ndarray, float]:
  with decode.open_video(path) as video:
    return video.read(range(video.info.frames)), video.info.fps


def measure(trained: Trained, clips, labels) -> list[float]:
  """Measures the accuracy at the last frame for each of `AGES`."""
  read, frames = stream_reading.make_reader(trained), trained.spec.num_frames
  found = []
  for age in AGES:
    needed = age + frames
    needed += -needed % frames
    parts, resets = clips[:, -needed:], np.zeros((len(clips), needed), bool)
    resets[:, needed - frames - age] = True
    right = [
      read(parts[i : i + STREAMS], resets[i : i + STREAMS])[:, -1].argmax(-1)
      for i in range(0, len(clips), STREAMS)
    ]
    found.append(float(np.mean(np.concatenate(right) == labels)))
  return found


def run(args) -> None:
  if args.windows % STREAMS:
    raise UserError(f'--windows is not a multiple of {STREAMS}.')
  columns = []
  for workdir in args.workdirs:
    trained = load(workdir)
    rng = np.random.default_rng(0)
    clips, labels = find_windows(trained, args.windows, rng)
    columns.append(measure(trained, clips, labels))
  print(f'| age, frames | {" | ".join(args.workdirs)} |')
  print(f'|{"---|" * (1 + len(columns))}')
  for age, *values in zip(AGES, *columns, strict=True):
    print(f'| {age} | {" | ".join(f"{100 * x:.1f}" for x in values)} |')
  print(f'\n{len(labels)} windows; accuracies in percent.')


def main(argv=None) -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('workdirs', nargs='+', help='Folders of trained runs.')
  parser.add_argument(
    '--windows',
    type=count,
    default=400,
    help='Number of windows (default: 400).',
  )
  sys.exit(errors.run_guarded(run, parser.parse_args(argv)))


if __name__ == '__main__':
  main()
