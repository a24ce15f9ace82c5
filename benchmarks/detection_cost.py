r"""What boxes add to a model: a classifier and a detector, timed in turn.

python benchmarks/detection_cost.py --config configs/zeroi2v_ava.py --boxes 8

Compares the training step and the forward pass with those of the same model
that classifies clips. Weights are random and clips black.
"""

import argparse

import numpy as np

from i2v_jax.bench import measure, timing
from i2v_jax.bench.costs import count_classes
from i2v_jax.models.build import merge
from i2v_jax.runtime import compilation, sharding
from i2v_jax.training import config_files, experiment, memory


def main() -> None:
  args = parse()
  config = experiment.to_plain(config_files.load_config(args.config))
  config['model']['detection'] |= {'boxes': args.boxes}
  clips = experiment.to_plain(config)
  clips['model']['detection'] = None
  clips['clip'] |= dict(sampling='dense', box_jitter=(), box_extend=(0.0, 0.0))
  both = {'clips': clips, 'boxes': config}
  classes = count_classes(config)
  steps = {k: make_step(c, classes, args.batch_size) for k, c in both.items()}
  report('training step', timing.alternate(steps, args.rounds))
  models = {k: experiment.build_model(c, classes) for k, c in both.items()}
  calls = {k: make_call(m, args.batch_size) for k, m in models.items()}
  report('merged, forward', timing.alternate(calls, args.rounds))


def parse() -> argparse.Namespace:
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--config', default='configs/zeroi2v_ava.py')
  parser.add_argument('--boxes', type=int, default=8)
  parser.add_argument('--batch-size', type=int, default=1)
  parser.add_argument('--rounds', type=int, default=15)
  return parser.parse_args()


def make_step(config, classes: int, size: int):
  """Makes a call of the compiled training step of a config."""
  mesh = sharding.make_mesh()
  lowered, inputs = memory.lower_step(config, mesh, classes, size)
  compiled = compilation.compile_lowered(lowered, mesh, 'the training step')
  return measure.make_step(compiled, inputs)


def make_call(model, size: int):
  """Makes a call of the merged model on black clips."""
  merged, params = merge(model, measure.draw_params(model, {}))
  call, _ = timing.compile_forward(merged, params, size)
  return call


def report(name: str, times) -> None:
  """Prints medians, and that of the ratios of neighbouring measurements."""
  clips, boxes = times['clips'], times['boxes']
  ratio = np.median(np.array(boxes) / np.array(clips))
  print(
    f'{name}: clips {np.median(clips):.4f} s, boxes {np.median(boxes):.4f} s, '
    f'ratio {ratio:.4f}'
  )


if __name__ == '__main__':
  main()
