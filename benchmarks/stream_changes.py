r"""How soon a stream sees that one motion has followed another.

  python -m i2v_jax.main --config configs/stream_quickstart.py \
    --workdir runs/stream
  python benchmarks/stream_changes.py runs/stream

Writes one video of validation clips of T frames in random order, in which no
motion follows itself, and runs `i2v stream` on it. Prints two Markdown tables:
the accuracy at each frame after a change, of the stream and of windows of T
frames every so many frames, whose last answer holds until the next, with the
passes of the image model for each frame; and what the events found. Unknown
options are those of `i2v stream`, such as `--min-length 0.5`.
"""

import argparse
import json
import pathlib
import sys
import tempfile

import jax
import numpy as np
import stream_reading

from i2v_jax import cli, load, normalize
from i2v_jax.cli.numbers import count
from i2v_jax.data.sets import digits
from i2v_jax.data.videos import decode
from i2v_jax.deploy.trained import Trained
from i2v_jax.runtime import errors
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import experiment


def write_stream(trained: Trained, path, clips: int, rng) -> np.ndarray:
  """Writes clips in a row, as many frames a second as theirs; their labels.

  Raises:
    UserError: validation examples are not videos of a clip each.
  """
  val = experiment.load_split(trained.config, 'val')
  if val.segments is not None:
    raise UserError(
      'Its examples are spans of videos; give --of a run on clips.'
    )
  frames, labels = trained.spec.num_frames, np.asarray(val.labels)
  chosen = [int(rng.integers(len(labels)))]
  while len(chosen) < clips:
    others = np.flatnonzero(labels != labels[chosen[-1]])
    chosen.append(int(rng.choice(others)))
  read = lambda i: decode.read_frames(val.paths[i], range(frames))
  images = np.concatenate([read(i) for i in chosen])
  digits.write_video(path, images, round(trained.training_fps))
  return labels[chosen]


def read_windows(trained: Trained, frames: np.ndarray) -> np.ndarray:
  """Classes that the clip model finds in each window: int64 [F - T + 1]."""
  length = trained.spec.num_frames
  model, name = trained.model, trained.config['data']['normalization']
  apply = jax.jit(lambda x: model.apply({'params': trained.params}, x))
  starts = np.arange(len(frames) - length + 1)
  found = []
  for some in np.array_split(starts, max(len(starts) // 64, 1)):
    clips = frames[some[:, None] + np.arange(length)]
    found.append(apply(normalize(clips, name)).argmax(-1))
  return np.concatenate(found)


def hold(found: np.ndarray, length: int, every: int, phase: int):
  """Answers per frame of windows every so many frames; -1 before the first."""
  answers = np.full(len(found) + length - 1, -1)
  for end in range(length - 1 + phase, len(answers), every):
    answers[end : end + every] = found[end - length + 1]
  return answers


def measure_accuracy(trained: Trained, frames, labels) -> dict:
  """Measures the accuracy at each frame after a change: way -> [T]."""
  length = trained.spec.num_frames
  streamed = stream_reading.make_reader(trained)(frames[None])[0].argmax(-1)
  windows = read_windows(trained, frames)
  # The first clip follows none.
  compare = lambda x: (x.reshape(-1, length) == labels[:, None])[1:].mean(0)
  found = {('stream', 1.0): compare(streamed)}
  every = length
  while every:
    held = [compare(hold(windows, length, every, i)) for i in range(every)]
    name = f'a window every {every} frames' if every > 1 else 'every frame'
    found[name, length / every] = np.mean(held, axis=0)
    every //= 2
  return found


def find_events(path, workdir, out, options) -> list[dict]:
  """Runs `i2v stream`; returns the beginnings that it reports."""
  argv = [
    'stream',
    str(path),
    '--workdir',
    workdir,
    '--fast',
    '--out',
    str(out),
  ]
  try:
    cli.main([*argv, *options])
  except SystemExit as end:
    if end.code:
      raise
  lines = map(json.loads, out.read_text(encoding='utf-8').splitlines())
  return [line for line in lines if line['event'] == 'begin']


def match(events, labels, names, length: int, fps: float) -> dict[str, float]:
  """Matches beginnings with changes: a change and an event once each."""
  late, spare = [], len(events)
  for number in range(1, len(labels)):
    change = number * length / fps
    mine = [
      event['start'] - change
      for event in events
      if event['class'] == names[labels[number]]
      and 0 <= event['start'] - change < length / fps
    ]
    late += [round(mine[0] * fps)] if mine else []
    spare -= bool(mine)
  changes = len(labels) - 1
  return {
    'changes': changes,
    'begin within T frames': f'{len(late) / changes:.1%}',
    'frames until then, median': float(np.median(late)) if late else '-',
    'other events': spare,
  }


def run(args) -> None:
  trained = load(args.workdir)
  source = load(args.of) if args.of else trained
  if source.class_names != trained.class_names:
    raise UserError(f'{args.of} has other classes.')
  length, rng = trained.spec.num_frames, np.random.default_rng(0)
  with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder, 'stream.mp4')
    labels = write_stream(source, path, args.clips, rng)
    frames = decode.read_frames(path, range(len(labels) * length))
    accuracy = measure_accuracy(trained, frames, labels)
    out = pathlib.Path(folder, 'events.jsonl')
    events = find_events(path, args.workdir, out, args.options)
  found = match(
    events, labels, trained.class_names, length, trained.training_fps
  )
  places = [str(place + 1) for place in range(length)]
  print(f'\n| frames after a change | passes | {" | ".join(places)} | mean |')
  print(f'|{"---|" * (3 + length)}')
  for (name, passes), values in accuracy.items():
    cells = [f'{100 * x:.1f}' for x in (*values, values.mean())]
    print(f'| {name} | {passes:.0f} | {" | ".join(cells)} |')
  print(f'\n| {" | ".join(found)} |\n|{"---|" * len(found)}')
  print(f'| {" | ".join(map(str, found.values()))} |')


def main(argv=None) -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('workdir', help='Folder of a trained run.')
  parser.add_argument(
    '--clips', type=count, default=400, help='Number of clips (default: 400).'
  )
  parser.add_argument(
    '--of',
    metavar='WORKDIR',
    help='Take the validation clips of another run.',
  )
  args, args.options = parser.parse_known_args(argv)
  sys.exit(errors.run_guarded(run, args))


if __name__ == '__main__':
  main()
