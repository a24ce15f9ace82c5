"""The videos of a check, and its findings."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from i2v_jax.data.clips import sampling
from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.sets import sources


@dataclasses.dataclass(frozen=True, eq=False)
class Listed:
  """The videos of a check, and where they were listed.

  Attributes:
    splits: name -> its videos.
    format, root, options: arguments of `sources.load_split`; '' for plain
      files.
    complete: whether a missing video is a problem.
    spec: how clips will be made, if known.
  """

  splits: Mapping[str, sources.Split]
  format: str = ''
  root: str = ''
  options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  complete: bool = True
  spec: ClipSpec | None = None

  @property
  def paths(self) -> dict[str, str]:
    """id -> path, each once."""
    return {
      video: path
      for split in self.videos.values()
      for video, path in zip(split.ids, split.paths, strict=True)
    }

  @functools.cached_property
  def videos(self) -> dict[str, sources.Split]:
    """The splits, as videos where their examples are parts of them."""
    splits = self.splits.items()
    return {name: split.list_videos(unread=True) for name, split in splits}


class Finding(NamedTuple):
  """Something to know; `rows` are (split, id, detail)."""

  kind: str
  problem: bool  # Or only a note.
  text: str
  rows: Sequence[tuple[str, str, Any]] = ()


def format_count(count: int) -> str:
  """`1 video`, `2 videos`, `3,000 videos`."""
  return f'{count:,} video{"s" * (count != 1)}'


def compute_span(clip: ClipSpec) -> tuple[int, str]:
  """Computes the span of a training clip in frames; says what happens below."""
  if clip.sampling == 'uniform':
    return clip.num_frames, 'frames are repeated'
  if clip.sampling == 'dense':
    return clip.num_frames * clip.stride, 'their clips loop'
  if clip.sampling == 'key_frame':
    return clip.num_frames * clip.stride, 'their last frames are repeated'
  longest = clip.num_frames * max(sampling.STRIDES)
  return longest, 'at long strides their last frame is repeated'
