"""Files that segments are in, real ones and names of some."""

import numpy as np
from encoded import encode_images
from files import write

from i2v_jax.data.sets import sources
from i2v_jax.data.sets.segment_examples import Example, make_examples
from i2v_jax.data.sets.segments import VideoFile
from i2v_jax.data.sets.split import Split

FPS, FRAMES = 15, 30  # 2 seconds


def make(root, names, table='', file='segments.csv'):
  """Videos of 2 seconds; frame n is grey, of brightness 8 n."""
  images = [np.full((32, 32, 3), 8 * n, np.uint8) for n in range(FRAMES)]
  ticks = range(0, 6 * FRAMES, 6)
  options = {'g': '10', 'crf': '5', 'bf': '2'}
  for name in names:
    path = root / f'{name}.mp4'
    path.parent.mkdir(parents=True, exist_ok=True)
    encode_images(path, 'libx264', images, options, ticks=ticks)
  write(root, {file: table} if table else {})
  return root


def load(root, split='train', on_missing='error', **options):
  return sources.load_split('segments', root, split, on_missing, **options)


def imagine(durations, examples, classes=('jump', 'run')):
  """A split of examples (file, start, end, labels) in files not on disk."""
  footage = [VideoFile(name, name, d) for name, d in durations.items()]
  examples = [Example(*e[:3], frozenset(e[3])) for e in examples]
  made = make_examples(footage, examples, len(classes))
  return Split(class_names=tuple(classes), **made)
