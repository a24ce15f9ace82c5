"""Which frames of a video make a clip.

Two schemes, each with a random rule for training and a fixed one for testing:
dense clips take every `stride`-th frame from a starting point, uniform clips
spread over the whole video. Rounding is half-to-even throughout, as in the
released pipelines; any other rounding shifts clips by a frame.
"""

import numpy as np


def dense_train(
  num_frames: int, clip_len: int, stride: int, rng: np.random.Generator
) -> np.ndarray:
  """Draws one clip of consecutive strided frames.

  The start is uniform over the video's first N - T * stride + 1 frames, as in
  mmaction2's SampleFrames: the window counts T * stride frames here but
  (T - 1) * stride + 1 in `dense_test`, so the last stride - 1 frames of a long
  video are never drawn. Videos shorter than the window start at 0 and loop.

  Args:
    num_frames: N, frames in the video.
    clip_len: T, frames in the clip.
    stride: distance between neighbouring frames of the clip, in frames.
    rng: source of the start.

  Returns:
    int64 [T], each in 0..N-1.

  Raises:
    ValueError: a count is below 1.
  """
  _check(num_frames=num_frames, clip_len=clip_len, stride=stride)
  start = rng.integers(max(num_frames - clip_len * stride, 0), endpoint=True)
  return _strided(np.array([start]), num_frames, clip_len, stride)[0]


def dense_test(
  num_frames: int, clip_len: int, stride: int, num_clips: int
) -> np.ndarray:
  """Spreads clips of strided frames evenly, from the first start to the last.

  One clip is centred; short videos loop. As mmaction2 1.x SampleFrames (0.x, as
  used by AIM, places test clips differently).

  Args:
    num_frames: N, frames in the video.
    clip_len: T, frames in a clip.
    stride: distance between neighbouring frames of a clip, in frames.
    num_clips: C, clips per video.

  Returns:
    int64 [C, T], each in 0..N-1. Clips of a short video coincide.

  Raises:
    ValueError: a count is below 1.
  """
  _check(
    num_frames=num_frames,
    clip_len=clip_len,
    stride=stride,
    num_clips=num_clips,
  )
  starts = _test_starts(num_frames, clip_len, stride, num_clips)
  return _strided(starts, num_frames, clip_len, stride)


def uniform_train(
  num_frames: int, clip_len: int, rng: np.random.Generator
) -> np.ndarray:
  """Draws one frame from each of T equal segments of the video.

  As mmaction2's UniformSample: segments are (N - 1) / T long and include both
  ends, so neighbours may coincide; short videos repeat frames and never loop.

  Args:
    num_frames: N, frames in the video.
    clip_len: T, frames in the clip.
    rng: source of the positions within the segments.

  Returns:
    int64 [T], ascending, each in 0..N-1.

  Raises:
    ValueError: a count is below 1.
  """
  _check(num_frames=num_frames, clip_len=clip_len)
  segment = (num_frames - 1) / clip_len
  edges = np.round(segment * np.arange(clip_len + 1)).astype(np.int64)
  return rng.integers(edges[:-1], edges[1:], endpoint=True)


def uniform_test(num_frames: int, clip_len: int, num_clips: int) -> np.ndarray:
  """Takes C fixed frames inside each of T equal segments of the video.

  As mmaction2's UniformSample; one clip takes the middle of each segment.

  Args:
    num_frames: N, frames in the video.
    clip_len: T, frames in a clip.
    num_clips: C, clips per video.

  Returns:
    int64 [C, T], ascending along T, each in 0..N-1.

  Raises:
    ValueError: a count is below 1.
  """
  _check(num_frames=num_frames, clip_len=clip_len, num_clips=num_clips)
  segment = (num_frames - 1) / clip_len
  starts = np.round(segment * np.arange(clip_len)).astype(np.int64)
  step = segment / (num_clips + 1)
  inside = (step * np.arange(1, num_clips + 1)).astype(np.int64)
  return starts + inside[:, None]


def _test_starts(
  num_frames: int, clip_len: int, stride: int, num_clips: int
) -> np.ndarray:
  """First frame of each test clip: int64 [C]."""
  clips = np.arange(num_clips)
  if clip_len == 1:
    gap = num_frames / num_clips
    return (clips * gap + gap / 2).astype(np.int64)
  free = max(num_frames - ((clip_len - 1) * stride + 1), 0)
  if num_clips == 1:
    return np.array([free // 2])
  return np.round(clips * (free / (num_clips - 1))).astype(np.int64)


def _strided(
  starts: np.ndarray, num_frames: int, clip_len: int, stride: int
) -> np.ndarray:
  """Every `stride`-th frame from each start, looping past the end: [C, T]."""
  return (starts[:, None] + stride * np.arange(clip_len)) % num_frames


def _check(**counts: int) -> None:
  for name, count in counts.items():
    if count < 1:
      raise ValueError(
        f'{name} must be at least 1, but is {count}; remove an empty video '
        'from its list, or correct the sampling settings.'
      )
