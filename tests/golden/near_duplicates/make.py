"""Makes features.npz: vectors of the clips of tests/videos and duplicates.

Each clip is there as it is, encoded again, cropped by 5 % and mirrored. The
vectors are those of DINOv2 S/14, in the folder `dinov2_small`:

  PYTHONPATH=$REPOSITORY python make.py $REPOSITORY /tmp/clips
  cd /tmp/clips && i2v features original encoded cropped mirrored \
    --weights dinov2_small --image-size 224 --mirror --out features.npz

The least similarity of two copies is 0.992 and the largest of two clips 0.893.
Without --mirror a mirrored copy and its clip are at 0.941, and with the 518
pixels that the weights are for a cropped copy and its clip at 0.947.
"""

import pathlib
import shutil
import sys

import numpy as np

import i2v_jax

SUFFIXES = ('.mp4', '.mov', '.avi', '.mkv')
SMALL = {'crf': '30'}


def main(repository: pathlib.Path, out: pathlib.Path) -> None:
  sys.path.insert(0, str(repository / 'tests' / 'support'))
  for kind in ('original', 'encoded', 'cropped', 'mirrored'):
    (out / kind).mkdir(parents=True)
  for path in sorted((repository / 'tests' / 'videos').iterdir()):
    # The corrupted one is not read to its end.
    if path.suffix in SUFFIXES and path.stem != 'corrupted':
      copy(path, out)


def copy(path: pathlib.Path, out: pathlib.Path) -> None:
  """Writes a clip and its three duplicates."""
  from encoded import encode_images

  info = i2v_jax.probe(path)
  frames = i2v_jax.read_frames(path, range(info.frames))
  y, x = round(info.height * 0.025), round(info.width * 0.025)
  duplicates = {
    'encoded': frames,
    'cropped': frames[:, y : info.height - y, x : info.width - x],
    'mirrored': frames[:, :, ::-1],
  }
  ticks = [round(90 * n / info.fps) for n in range(info.frames)]
  shutil.copy(path, out / 'original')
  for kind, images in duplicates.items():
    height, width = (side // 2 * 2 for side in images.shape[1:3])
    even = np.ascontiguousarray(images[:, :height, :width])
    target = out / kind / f'{path.stem}.mp4'
    encode_images(target, 'libx264', even, SMALL, ticks=ticks)


if __name__ == '__main__':
  main(*map(pathlib.Path, sys.argv[1:]))
