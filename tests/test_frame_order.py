"""Frame n is the n-th that decoding from the start gives, whatever is asked.

Videos of random structure (B-frames, groups of pictures, open and closed) are
put into every container, with their times, without, in the order of decoding,
cut, and with holes. `I2V_FRAME_ORDER=20` makes that many of each kind.
"""

import os
import random

import av
import numpy as np
import pytest
import remuxed
from encoded import rgb

from i2v_jax.data import check, decode, transcode, transforms

SEEDS = int(os.environ.get('I2V_FRAME_ORDER', 0))
CASES = [
  (codec, muxer, kind, seed)
  for codec, muxers in remuxed.MUXERS.items()
  for muxer in muxers.split()
  for kind in remuxed.KINDS
  for seed in range(SEEDS)
]


def decoded(path):
  """What decoding gives, one packet after the other; and whether one failed."""
  images, failed = [], False
  try:
    with av.open(str(path)) as container:
      container.streams.video[0]
  except (av.FFmpegError, IndexError):
    return images, failed
  with av.open(str(path)) as container:
    container.streams.video[0].thread_count = 1
    for packet in container.demux(video=0):
      try:
        pictures = packet.decode()
      except av.FFmpegError:
        failed |= bool(images)
        continue
      failed |= any(picture.is_corrupt for picture in pictures)
      images += [rgb(picture) for picture in pictures]
  return images, failed


def assert_every_path_agrees(path, rng):
  expected, failed = decoded(path)
  if not expected:
    with pytest.raises(decode.DecodeError):
      decode.probe(path)
    return 'nothing'
  if failed or '-holed-' in path.name:
    assert_never_another(path, expected)
    return 'failed'
  with decode.open_video(path) as video:
    assert video.info.frames == len(expected)
    asked = [[rng.randrange(len(expected))] for _ in range(4)]
    asked += [rng.choices(range(len(expected)), k=5) for _ in range(3)]
    for indices in [*asked, range(len(expected))]:
      for index, image in zip(indices, video.read(indices), strict=True):
        np.testing.assert_array_equal(image, expected[index])
    small = transforms.resize_short_side(np.stack(expected), 24)
    indices = rng.choices(range(len(expected)), k=5)
    np.testing.assert_array_equal(video.read(indices, 24), small[indices])
    counted = video.packets.counted
  pictures = transcode.pictures(path, decode.probe(path))
  for picture, image in zip(pictures, expected, strict=True):
    np.testing.assert_array_equal(rgb(picture), image)
  found = check.check_file(str(path))
  assert (found['ok'], found['frames']) == (True, len(expected)), found
  return 'counted' if counted else 'sought'


def assert_never_another(path, expected):
  """Of a broken file no frame is another, and what is missing is said."""
  found = check.check_file(str(path))
  if 'codec' not in found:
    return
  with decode.open_video(path) as video:
    for frame in range(found['frames']):
      image = video.read([frame])[0]
      np.testing.assert_array_equal(image, expected[frame])
  assert not found['ok'] or found['frames'] == len(expected)


@pytest.mark.parametrize(
  'case', CASES, ids=lambda case: '-'.join(map(str, case))
)
def test_random_structures(tmp_path, case):
  path = remuxed.make(tmp_path, *case)
  if path is None:
    pytest.skip('the container does not take it')
  print(assert_every_path_agrees(path, random.Random(0)))
