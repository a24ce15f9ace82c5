"""Prints which reversed pairs of the objects each method tells apart.

python docs/results/pairs.py runs/objects

Of the clips of a pair that a method puts into it, the percentage that it puts
into the right one of the two: 50 is a guess. A Markdown table, with the number
of those clips.
"""

import argparse
import json
import pathlib

import numpy as np

from i2v_jax.training.sweeps.folders import name_folder

PAIRS = (
  ('push right', 'push left'),
  ('approach', 'recede'),
  ('hide', 'take out'),
  ('cover', 'uncover'),
  ('come together', 'move apart'),
)


def count_right(folder: pathlib.Path) -> list[tuple[int, int]]:
  """Counts the clips that a run puts into each pair, and those put right."""
  classes = json.loads((folder / 'classes.json').read_text('utf-8'))
  with np.load(folder / 'eval' / 'scores.npz') as file:
    labels, found = file['labels'], file['scores'].argmax(axis=1)
  counts = []
  for pair in PAIRS:
    numbers = [classes.index(name) for name in pair]
    inside = np.isin(labels, numbers) & np.isin(found, numbers)
    counts.append((int(inside.sum()), int((labels == found)[inside].sum())))
  return counts


def main(workdir) -> None:
  """Prints the table."""
  rows = json.loads((pathlib.Path(workdir) / 'results.json').read_text('utf-8'))
  print(f'| row | {" | ".join(" / ".join(pair) for pair in PAIRS)} |')
  print(f'|{"---|" * (1 + len(PAIRS))}')
  for row in rows:
    counts = count_right(pathlib.Path(workdir, name_folder(row['name'])))
    cells = [f'{100 * b / a:.0f} of {a}' if a else '-' for a, b in counts]
    print(f'| {row["name"]} | {" | ".join(cells)} |')


if __name__ == '__main__':
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('workdir', help='Folder of a finished sweep.')
  main(parser.parse_args().workdir)
