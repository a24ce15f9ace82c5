r"""Joins short clips to long videos: one motion after another, with a table.

  python benchmarks/clips_in_a_row.py runs/digits runs/digits-in-a-row

Reads `train/CLASS/*.mp4` and `val/CLASS/*.mp4` of equal size, and writes
`videos/*.mp4` of 40 clips each, in random order, and `segments.csv` with the
times of each, as i2v_jax reads them (`data.format='segments'`).
"""

import argparse
import pathlib

import numpy as np

from i2v_jax.data.sets import csv_files, digits
from i2v_jax.data.videos import decode

CLIPS = 40  # of a video
COLUMNS = ('file', 'start', 'end', 'label', 'split')


def main(source: pathlib.Path, out: pathlib.Path) -> None:
  """Writes all videos, then the table."""
  rng, rows = np.random.default_rng(0), []
  (out / 'videos').mkdir(parents=True)
  for split in ('train', 'val'):
    paths = rng.permutation(sorted((source / split).glob('*/*.mp4')))
    for number, first in enumerate(range(0, len(paths), CLIPS)):
      name = f'videos/{split}-{number:03d}.mp4'
      mine = join(paths[first : first + CLIPS], out / name)
      rows += [(name, *row, split) for row in mine]
  csv_files.write(out / 'segments.csv', COLUMNS, rows)


def join(paths, out: pathlib.Path) -> list[tuple[str, str, str]]:
  """Writes clips as one video; returns start, end and class of each."""
  fps = decode.probe(paths[0]).fps
  clips, rows, before = [], [], 0
  for path in paths:
    with decode.open_video(path) as video:
      clips.append(video.read(range(video.info.frames)))
    after = before + len(clips[-1])
    rows.append((f'{before / fps:.4f}', f'{after / fps:.4f}', path.parent.name))
    before = after
  digits.write_video(out, np.concatenate(clips), round(fps))
  return rows


if __name__ == '__main__':
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument('source', type=pathlib.Path, help='Folder of clips.')
  parser.add_argument('out', type=pathlib.Path, help='Folder to write.')
  args = parser.parse_args()
  main(args.source, args.out)
