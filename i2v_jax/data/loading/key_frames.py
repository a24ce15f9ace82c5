"""The examples of a split with key frames: their videos and arrays."""

import numpy as np

from i2v_jax.data.clips import boxes, clips, sampling
from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.sets.sources import Split
from i2v_jax.data.videos.decode import FrameFolder, Video, open_video
from i2v_jax.data.videos.seconds import Seconds, find_frame
from i2v_jax.runtime.errors import UserError

MULTIPLE = 8  # of it is the number of boxes of test elements, to have few


def check(split: Split, spec: ClipSpec) -> None:
  """Raises UserError unless both a split and a spec have boxes, or neither."""
  if split.key_frames is None and spec.boxes:
    raise UserError(
      'The clips are to have boxes, but the data has labels of videos instead '
      'of key frames; set data.format to one with boxes, or model.detection to '
      'None and clip.sampling to another than key_frame.'
    )
  if split.key_frames is not None and not spec.boxes:
    raise UserError(
      'The data has key frames with boxes, but the clips have none; set '
      "model.detection, and clip.sampling='key_frame'."
    )


def count_test_boxes(split: Split) -> int:
  """Counts the boxes of a test element: the most there are, or a few more."""
  most = max(split.key_frames.most_boxes, 1)
  return -(-most // MULTIPLE) * MULTIPLE


def open_example(
  split: Split, spec: ClipSpec, index: int, limit: float | None = None
) -> tuple[Video | FrameFolder | Seconds, int]:
  """Opens the video of an example; returns it and its key frame's number.

  Args:
    split: with key frames.
    spec: decides how many frames are needed around it.
    index: of the example.
    limit: seconds from opening on, after which any work raises DecodeError.

  Raises:
    DecodeError: the video cannot be read, or ends before the key frame.
  """
  key_frames, path = split.key_frames, split.paths[index]
  when = float(key_frames.times[index])
  if key_frames.seconds:
    offsets = sampling.compute_key_offsets(spec.num_frames, spec.stride)
    needed = int(-offsets[0]), int(offsets[-1]) + 1
    video = Seconds(path, int(when), *needed, limit)
    return video, video.key
  video = open_video(split.video(index), path, limit, split.fps)
  try:
    return video, find_frame(video.info, when, path)
  except BaseException:
    video.close()
    raise


def make_train(
  split: Split, spec: ClipSpec, index: int, video, key: int, rng
) -> dict[str, np.ndarray]:
  """Makes the arrays of a training element; see `clips.make_train_boxes`."""
  key_frames, rows = split.key_frames, split.key_frames.rows(index)
  return clips.make_train_boxes(
    video, key, key_frames.boxes[rows], key_frames.labels[rows], spec, rng
  )


def make_test(
  split: Split, spec: ClipSpec, index: int, video, key: int
) -> dict[str, np.ndarray]:
  """Makes the arrays of a test element: those of a training element.

  All boxes of the key frame come first, in the order of its rows; padding up to
  `count_test_boxes` follows. Pixels have a leading axis of one view.
  """
  key_frames, rows = split.key_frames, split.key_frames.rows(index)
  made = clips.make_test_boxes(video, key, key_frames.boxes[rows], spec)
  padded = boxes.pad(
    made.pop('boxes'), key_frames.labels[rows], count_test_boxes(split)
  )
  return {name: pixels[None] for name, pixels in made.items()} | padded


def make_no_boxes(split: Split, count: int) -> dict[str, np.ndarray]:
  """Makes the boxes of a placeholder, all of them padding."""
  none = split.key_frames.labels[:0]
  return boxes.pad(np.zeros((0, 4), np.float32), none, count)
