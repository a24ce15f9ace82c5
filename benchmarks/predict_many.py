"""Prediction of many short clips against the evaluation of the same files.

  python benchmarks/predict_many.py
  python benchmarks/predict_many.py --memory 2000

Both read the same files with the same model, threads and views, in turn; the
evaluation is that of `i2v eval`. The clips are moving digits, or those of
--clips; the model is that of the quickstart with fresh parameters, or that of
--workdir. With --memory the resident memory of this process is compared after
a tenth of that number of videos and after all of them, the files read again
and again.
"""

import argparse
import dataclasses
import itertools
import pathlib
import sys
import tempfile
import time

import numpy as np
from cpu import describe_cpu

from i2v_jax.cli.arguments import add_json, add_rounds
from i2v_jax.cli.numbers import count
from i2v_jax.data.sets import digits, given_clips, sources
from i2v_jax.deploy import trained
from i2v_jax.deploy.prediction.reading import make_reading, score_classes
from i2v_jax.runtime import errors, files, ranges
from i2v_jax.runtime.console import console, make_table
from i2v_jax.training import config_files, experiment, stored
from i2v_jax.training.evaluation import evaluate
from i2v_jax.training.fresh_params import init_params

CLASSES = ('left and back', 'moves left', 'moves right', 'right and back')


def make_model(workdir: str) -> trained.Trained:
  """Loads a trained model, or makes that of the quickstart without training."""
  if workdir:
    return trained.load(workdir)
  config = config_files.load_config('configs/quickstart.py')
  model = experiment.build_model(config, len(CLASSES))
  pretrained = stored.load_pretrained(config, model, CLASSES)
  params = init_params(model, pretrained, 0)
  path = pathlib.Path('quickstart')
  return trained.place_on_mesh(model, params, config, CLASSES, {}, path)


def list_clips(paths, number: int, folder: str) -> list[str]:
  """Lists the clips given, or makes `number` clips of moving digits."""
  if paths:
    return given_clips.list_clips(paths).clips
  root = pathlib.Path(folder) / 'digits'
  digits.generate(str(root), num_train=4, num_val=number)
  return given_clips.list_clips([root / 'val']).clips


def make_loader(model: trained.Trained, clips: list[str]):
  """Makes the loader that evaluates the clips."""
  labels = np.arange(len(clips)) % len(model.class_names)
  split = sources.Split(
    tuple(clips), labels, model.class_names, tuple(map(str, range(len(clips))))
  )
  return experiment.make_loader(model.config, split, model.spec)


def measure_speed(
  model: trained.Trained, clips: list[str], rounds: int
) -> dict:
  """Measures clips per second of both, in turn.

  Raises:
    UserError: they do not give the same probabilities.
  """
  loader, reading = make_loader(model, clips), make_reading(model)

  def predict() -> np.ndarray:
    return np.concatenate(
      [scored.values for scored in score_classes(model, clips, reading)]
    )

  def evaluate_all() -> np.ndarray:
    found = evaluate.evaluate(
      model.model, model.params, loader, model.config, model.mesh
    )
    return model.calibrate(found.scores)

  sides = {'predict': predict, 'evaluation': evaluate_all}
  off = np.abs(predict() - evaluate_all()).max()  # which compiles both
  if not off < 1e-5:
    raise errors.UserError(f'The two sides differ by {off:.1e}.')
  speeds = {name: [] for name in sides}
  for _ in range(rounds):
    for name, run in sides.items():
      start = time.perf_counter()
      run()
      speeds[name].append(len(clips) / (time.perf_counter() - start))
  ratio = np.median(np.divide(speeds['predict'], speeds['evaluation']))
  medians = {name: float(np.median(found)) for name, found in speeds.items()}
  return {'clips': len(clips), 'per_second': medians, 'ratio': float(ratio)}


def measure_memory(
  model: trained.Trained, clips: list[str], total: int
) -> dict:
  """Measures resident memory after a tenth of `total` videos and after all.

  Raises:
    UserError: there is no tenth.
  """
  ranges.integer(10)('--memory', total)
  many = list(itertools.islice(itertools.cycle(clips), total))
  reading, after = make_reading(model), {}
  for number, _ in enumerate(score_classes(model, many, reading), 1):
    if number in (total // 10, total):
      after[number] = read_resident_bytes()
  first, last = after.values()
  return {'resident_bytes': after, 'growth': last / first - 1}


def read_resident_bytes() -> int:
  """Reads the memory of this process that is in RAM now; Linux only."""
  status = pathlib.Path('/proc/self/status').read_text(encoding='utf-8')
  (line,) = (x for x in status.splitlines() if x.startswith('VmRSS:'))
  return 1024 * int(line.split()[1])


def show_speed(found: dict, rounds: int) -> None:
  speeds = found['per_second']
  rows = [(name, f'{speed:.1f}') for name, speed in speeds.items()]
  title = f'{found["clips"]} clips, median of {rounds}, {describe_cpu()}'
  note = f'predict / evaluation: {found["ratio"]:.3f}, median of the rounds'
  console.print(make_table(title, ('', 'clips/s'), rows, note))


def show_memory(found: dict) -> None:
  rows = [
    (f'{number:,} videos', f'{size / 2**20:.0f}')
    for number, size in found['resident_bytes'].items()
  ]
  note = f'growth: {found["growth"]:.1%}'
  console.print(make_table('', ('after', 'resident MiB'), rows, note))


def run(args) -> None:
  model = make_model(args.workdir)
  config = model.config | {'loader': dict(model.config['loader'])}
  config['loader']['threads'] = args.threads
  model = dataclasses.replace(model, config=config)
  with tempfile.TemporaryDirectory() as folder:
    clips = list_clips(args.clips, args.number, folder)
    if args.memory:
      found = measure_memory(model, clips, args.memory)
      show_memory(found)
    else:
      found = measure_speed(model, clips, args.rounds)
      show_speed(found, args.rounds)
  if args.out:
    files.write_json(args.out, found | {'cpu': describe_cpu()})


def main(argv=None) -> None:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  add = parser.add_argument
  add('--clips', nargs='+', help='Videos or folders, instead of digits.')
  add(
    '--number', type=count, default=200, help='Clips of digits that are made.'
  )
  add('--workdir', default='', help='Trained model.')
  add('--threads', type=count, default=2, help='Threads that read videos.')
  add(
    '--memory', type=count, metavar='VIDEOS', help='Measure memory over these.'
  )
  add_rounds(parser, 5)
  add_json(parser, 'File for the numbers, as JSON.')
  sys.exit(errors.run_guarded(run, parser.parse_args(argv)))


if __name__ == '__main__':
  main()
