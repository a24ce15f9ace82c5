"""Moving digits: real handwriting, real video files, motion as the label.

Every class shows a digit at the same eight places, each in its own order. A
single frame therefore carries no information about the label; the order does.
"""

import contextlib
import os
import pathlib
import shutil
from collections.abc import Callable, Iterator, Sequence

import av
import cv2
import numpy as np

from i2v_jax.runtime import files

SIZE, DIGIT = 32, 12  # pixels, of the frame and of the digit in it
ROOM = SIZE - DIGIT  # the digit's left and top edges are in 0..ROOM
FPS = 8
MOTIONS = {  # class -> place of each frame, in steps of 2 pixels along a row
  'moves right': (0, 1, 2, 3, 4, 5, 6, 7),
  'moves left': (7, 6, 5, 4, 3, 2, 1, 0),
  'right and back': (0, 2, 4, 6, 7, 5, 3, 1),
  'left and back': (7, 5, 3, 1, 0, 2, 4, 6),
}
STEP = 2


def load_images() -> dict[str, tuple[np.ndarray, np.ndarray]]:
  """Loads scikit-learn's digits as `{split: (uint8 [n, 12, 12], labels [n])}`.

  1,437 images are for training; 360 of `val` are held out.
  """
  from sklearn.datasets import load_digits  # only the demo needs it

  digits = load_digits()
  small = (digits.images * (255 / 16)).astype(np.uint8)
  images = np.stack([cv2.resize(image, (DIGIT, DIGIT)) for image in small])
  order = np.random.default_rng(0).permutation(len(images))
  parts = {'train': order[:1437], 'val': order[1437:]}
  return {k: (images[i], digits.target[i]) for k, i in parts.items()}


def render(images: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
  """Draws each digit at its place on a black frame.

  Args:
    images: uint8 [n, 12, 12].
    x: int [n], column of the left edge of each, 0 to `ROOM`.
    y: int [n], row of the top edge of each, 0 to `ROOM`.

  Returns:
    uint8 RGB [n, 32, 32, 3].
  """
  frames = np.zeros((len(images), SIZE, SIZE, 3), np.uint8)
  rows = np.asarray(y)[:, None, None] + np.arange(DIGIT)[:, None]
  columns = np.asarray(x)[:, None, None] + np.arange(DIGIT)
  which = np.arange(len(images))[:, None, None]
  frames[which, rows, columns] = images[..., None]
  return frames


def make_clip(image: np.ndarray, motion: str, rng) -> np.ndarray:
  """Makes a clip `[8, 32, 32, 3]` of one digit that moves along a row."""
  places = STEP * np.array(MOTIONS[motion])
  x = rng.integers(ROOM - places.max(), endpoint=True)
  y = np.full(len(places), rng.integers(ROOM, endpoint=True))
  images = np.broadcast_to(image, (len(places), *image.shape))
  return render(images, x + places, y)


def generate(
  root: str, num_train: int = 16, num_val: int = 12, seed: int = 0
) -> None:
  """Writes `root/{train,val}/<motion>/NNNNN.mp4` unless `root` exists.

  The folder is created atomically.
  """

  def make(images, motion, rng):
    return make_clip(images[rng.integers(len(images))], motion, rng)

  generate_classes(root, [*MOTIONS], make, num_train, num_val, seed)


def generate_classes(
  root: str,
  motions: Sequence[str],
  make: Callable,
  num_train: int,
  num_val: int,
  seed: int,
) -> None:
  """As `generate`, of other motions.

  Args:
    root: the folder.
    motions: classes, each of which has as many clips, or one fewer.
    make: images of a split, a motion and a generator -> a clip.
    num_train: number of training clips.
    num_val: number of validation clips, of digits that training has not.
    seed: decides all.
  """
  if os.path.isdir(root):
    return
  with creating(root) as folder:
    for part, (name, count) in enumerate(
      (('train', num_train), ('val', num_val))
    ):
      rng = np.random.default_rng([seed, part])
      images, _ = load_images()[name]
      for motion in motions:
        (folder / name / motion).mkdir(parents=True)
      for i in range(count):
        motion = motions[i % len(motions)]
        path = folder / name / motion / f'{i:05d}.mp4'
        write_video(path, make(images, motion, rng), FPS)


@contextlib.contextmanager
def creating(root: str) -> Iterator[pathlib.Path]:
  """Yields a path for a folder, which is renamed to `root` at the end.

  If another process was faster, its folder stays.
  """
  root = os.path.normpath(root)
  partial = pathlib.Path(f'{root}.partial-{os.getpid()}')
  shutil.rmtree(partial, ignore_errors=True)  # of a process that was killed
  try:
    yield partial
    partial.rename(root)
  except OSError:
    if not os.path.isdir(root):  # else another process was faster
      raise
  finally:
    shutil.rmtree(partial, ignore_errors=True)


def write_video(path, frames: np.ndarray, fps: int, crf: int = 12) -> None:
  """Encodes uint8 RGB `[T, H, W, 3]` to H.264; even sizes only."""
  with open_video(path, frames.shape[1:3], fps, crf) as write:
    write(frames)


@contextlib.contextmanager
def open_video(
  path, size: tuple[int, int], fps: int, crf: int = 12
) -> Iterator[Callable[[np.ndarray], None]]:
  """Opens a new video of height and width `size`; yields what adds frames."""
  with files.explain_errors(path), av.open(str(path), 'w') as container:
    stream = container.add_stream('libx264', rate=fps)
    stream.height, stream.width = size
    stream.pix_fmt = 'yuv420p'
    stream.codec_context.thread_count = 1
    # On frames this small mbtree makes the bytes differ from run to run.
    stream.options = {'crf': str(crf), 'preset': 'veryfast', 'mbtree': '0'}

    def write(frames: np.ndarray) -> None:
      for frame in frames:
        picture = av.VideoFrame.from_ndarray(frame, format='rgb24')
        container.mux(stream.encode(picture))

    yield write
    container.mux(stream.encode())
