"""Samples the frames of a clip from a video.

Three schemes, each with a random rule for training and fixed ones for testing:
dense clips take every `stride`-th frame from a starting point, uniform clips
spread over the complete video, and clips of random stride are dense with a new
stride each time. Clips around a key frame are dense, and random in neither.
Numbers are rounded half to even or truncated as in the released pipelines;
anything else shifts clips by a frame.
"""

import numpy as np

from i2v_jax.runtime.errors import UserError, check_choice

RULES = ('mmaction1', 'mmaction0')  # placement of test clips
STRIDES = (1, 2, 4, 8)


def sample_dense_train(
  num_frames: int, clip_len: int, stride: int, rng: np.random.Generator
) -> np.ndarray:
  """Draws one clip of consecutive strided frames.

  The start is uniform over the video's first N - T * stride + 1 frames, as in
  mmaction2's SampleFrames: the window counts T * stride frames here but
  (T - 1) * stride + 1 in `sample_dense_test`, so the last stride - 1 frames of
  a long video are never drawn. Videos shorter than the window start at 0 and
  loop.

  Args:
    num_frames: N, frames in the video.
    clip_len: T, frames in the clip.
    stride: distance between neighbouring frames of the clip, in frames.
    rng: source of the start.

  Returns:
    int64 [T], each in 0..N-1.

  Raises:
    UserError: a count is below 1.
  """
  _check(num_frames=num_frames, clip_len=clip_len, stride=stride)
  start = rng.integers(max(num_frames - clip_len * stride, 0), endpoint=True)
  return _stride_from(np.array([start]), num_frames, clip_len, stride)[0]


def sample_dense_test(
  num_frames: int,
  clip_len: int,
  stride: int,
  num_clips: int,
  rule: str = 'mmaction1',
) -> np.ndarray:
  """Spreads clips of strided frames evenly over the video.

  One clip is centred; short videos loop. As SampleFrames of mmaction2: version
  1.x goes from the first possible start to the last; 0.x, which AIM uses,
  divides the starts into C equal parts and takes the middle of each.

  Args:
    num_frames: N, frames in the video.
    clip_len: T, frames in a clip.
    stride: distance between neighbouring frames of a clip, in frames.
    num_clips: C, clips per video.
    rule: `mmaction1` or `mmaction0`.

  Returns:
    int64 [C, T], each in 0..N-1. Clips of a short video coincide.

  Raises:
    UserError: a count is below 1, or the rule is unknown.
  """
  check_choice('the rule for test clips', rule, RULES)
  _check(
    num_frames=num_frames,
    clip_len=clip_len,
    stride=stride,
    num_clips=num_clips,
  )
  place = _place_starts if rule == 'mmaction1' else _place_starts_0x
  starts = place(num_frames, clip_len, stride, num_clips)
  return _stride_from(starts, num_frames, clip_len, stride)


def sample_uniform_train(
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
    UserError: a count is below 1.
  """
  _check(num_frames=num_frames, clip_len=clip_len)
  edges = _compute_edges(num_frames, clip_len)
  return rng.integers(edges[:-1], edges[1:], endpoint=True)


def sample_uniform_test(
  num_frames: int, clip_len: int, num_clips: int, rule: str = 'mmaction1'
) -> np.ndarray:
  """Takes C fixed frames inside each of T equal segments of the video.

  One clip takes the middle of each segment. As mmaction2's UniformSample, or as
  AIM's frame_uniform: the two round the middle differently.

  Args:
    num_frames: N, frames in the video.
    clip_len: T, frames in a clip.
    num_clips: C, clips per video; 1 with rule `mmaction0`.
    rule: `mmaction1`, or `mmaction0` for AIM's.

  Returns:
    int64 [C, T], ascending along T, each in 0..N-1.

  Raises:
    UserError: a count is below 1, or the rule is unknown or makes one clip.
  """
  check_choice('the rule for test clips', rule, RULES)
  _check(num_frames=num_frames, clip_len=clip_len, num_clips=num_clips)
  edges = _compute_edges(num_frames, clip_len)
  if rule == 'mmaction0':
    if num_clips > 1:
      raise UserError(
        f"the uniform rule 'mmaction0' makes 1 clip, not {num_clips}; take "
        "'mmaction1' for more."
      )
    return (edges[None, :-1] + edges[None, 1:]) // 2
  step = (num_frames - 1) / clip_len / (num_clips + 1)
  inside = (step * np.arange(1, num_clips + 1)).astype(np.int64)
  return edges[:-1] + inside[:, None]


def sample_random_stride(
  num_frames: int,
  clip_len: int,
  rng: np.random.Generator,
  strides: tuple[int, ...] = STRIDES,
) -> np.ndarray:
  """Draws a stride s, then one clip that spans T * s frames.

  As the release of DualPath: a long video gives T frames spread over a random
  window, both of whose ends are taken, so that neighbours are T * s / (T - 1)
  frames apart; the last frame is never drawn. A video no longer than the window
  gives N // s frames spread over all of it, followed by its last one.

  Args:
    num_frames: N, frames in the video.
    clip_len: T, frames in the clip.
    rng: source of the stride and the window.
    strides: choices of s, in frames.

  Returns:
    int64 [T], ascending, each in 0..N-1.

  Raises:
    UserError: a count is below 1.
  """
  stride = int(rng.choice(strides))
  _check(num_frames=num_frames, clip_len=clip_len, stride=stride)
  window = clip_len * stride
  if num_frames <= window:
    clip = np.full(clip_len, num_frames - 1)
    spread = np.linspace(0, num_frames, num_frames // stride)
    clip[: len(spread)] = np.minimum(spread, num_frames - 1)
    return clip
  end = rng.integers(window, num_frames)
  clip = np.linspace(end - window, end, clip_len)
  return np.minimum(clip, end - 1).astype(np.int64)


def sample_release_test(
  num_frames: int, clip_len: int, stride: int, num_clips: int
) -> np.ndarray:
  """Places test clips as the release of DualPath does.

  Of the n strided frames clip k takes T from int(k * (n - T) / C) on: one clip
  is the first, and the last never reaches the end. Short videos repeat their
  last strided frame.

  Args:
    num_frames: N, frames in the video.
    clip_len: T, frames in a clip.
    stride: distance between neighbouring frames of a clip, in frames.
    num_clips: C, clips per video.

  Returns:
    int64 [C, T], each in 0..N-1.

  Raises:
    UserError: a count is below 1.
  """
  _check(
    num_frames=num_frames,
    clip_len=clip_len,
    stride=stride,
    num_clips=num_clips,
  )
  last = (num_frames - 1) // stride
  step = max(last + 1 - clip_len, 0) / num_clips
  starts = (step * np.arange(num_clips)).astype(np.int64)
  places = starts[:, None] + np.arange(clip_len)
  return stride * np.minimum(places, last)


def sample_key_frame(
  num_frames: int, clip_len: int, stride: int, key: int
) -> np.ndarray:
  """Takes every `stride`-th frame around a key frame.

  As VideoMAE-Action-Detection, in training as in testing: 16 frames of stride 4
  around frame 50 are 19, 23, ..., 79. Where the video ends, its first or last
  frame is repeated.

  Args:
    num_frames: N, frames in the video.
    clip_len: T, frames in the clip.
    stride: distance between neighbouring frames of the clip, in frames.
    key: number of the key frame.

  Returns:
    int64 [T], ascending, each in 0..N-1.

  Raises:
    UserError: a count is below 1.
  """
  _check(num_frames=num_frames)
  offsets = compute_key_offsets(clip_len, stride)
  return np.clip(key + offsets, 0, num_frames - 1)


def add_before(clip: np.ndarray, count: int, stride: int) -> np.ndarray:
  """Puts A strided frames before a clip, 0 for missing ones: int64 [A + T]."""
  before = clip[0] - stride * np.arange(count, 0, -1)
  return np.concatenate([np.maximum(before, 0), clip])


def compute_key_offsets(clip_len: int, stride: int) -> np.ndarray:
  """Computes the frames of a clip, counted from its key frame: int64 [T]."""
  _check(clip_len=clip_len, stride=stride)
  first = (stride - 1) // 2 - clip_len * stride // 2
  return first + stride * np.arange(clip_len)


def _compute_edges(num_frames: int, clip_len: int) -> np.ndarray:
  """Computes the ends of the segments of a uniform clip: int64 [T + 1]."""
  segment = (num_frames - 1) / clip_len
  return np.round(segment * np.arange(clip_len + 1)).astype(np.int64)


def _place_starts(
  num_frames: int, clip_len: int, stride: int, num_clips: int
) -> np.ndarray:
  """Places the first frame of each test clip: int64 [C]."""
  clips = np.arange(num_clips)
  if clip_len == 1:
    gap = num_frames / num_clips
    return (clips * gap + gap / 2).astype(np.int64)
  free = max(num_frames - ((clip_len - 1) * stride + 1), 0)
  if num_clips == 1:
    return np.array([free // 2])
  return np.round(clips * (free / (num_clips - 1))).astype(np.int64)


def _place_starts_0x(
  num_frames: int, clip_len: int, stride: int, num_clips: int
) -> np.ndarray:
  """Does the same by the rule of mmaction2 0.x: int64 [C]."""
  gap = max(num_frames - clip_len * stride + 1, 0) / num_clips
  return (np.arange(num_clips) * gap + gap / 2).astype(np.int64)


def _stride_from(
  starts: np.ndarray, num_frames: int, clip_len: int, stride: int
) -> np.ndarray:
  """Takes every `stride`-th frame from each start, looping: [C, T]."""
  return (starts[:, None] + stride * np.arange(clip_len)) % num_frames


def _check(**counts: int) -> None:
  for name, count in counts.items():
    if count < 1:
      raise UserError(
        f'{name} must be at least 1, but is {count}; remove an empty video '
        'from its list, or correct the sampling settings.'
      )
