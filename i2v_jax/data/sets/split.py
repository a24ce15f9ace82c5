"""The examples of a split, whatever format they were read from."""

import dataclasses
import hashlib
import os
import posixpath
from collections.abc import Sequence

import numpy as np

from i2v_jax.data.sets import listing, prepared
from i2v_jax.data.sets.absent import Miscounted
from i2v_jax.data.sets.key_frames import KeyFrames
from i2v_jax.data.sets.look_up import Place
from i2v_jax.data.sets.segments import Segments
from i2v_jax.data.videos import names
from i2v_jax.data.videos.frame_folder import FPS
from i2v_jax.runtime.errors import UserError


# Arrays have no single truth value, so neither has the equality of splits.
@dataclasses.dataclass(frozen=True, eq=False)
class Split:
  """The videos of a split: paths, labels, and class names in label order.

  A video listed twice appears twice, with the same id. Raises UserError if
  there is no video or a label has no class.

  Attributes:
    paths: of the videos.
    labels: int32 [n], read-only, -1 if unlabelled.
    class_names: unique, in label order.
    ids: paths relative to the root, with '/': the names of the videos in
      reports, the same wherever the data is stored.
    missing: ids of the videos that were listed, but not found, or as those of
      `segments.unread` cannot be read.
    records: the videos, if they are not files; `paths` are names then.
    left_out: ids of the files next to them that do not count as videos.
    miscounted: folders of frames whose list gives another number of frames.
    notes: sentences about how they were found.
    fps: frames per second of videos that are folders of frames.
    key_frames: where examples are key frames with boxes; a path then stands
      once for each of its key frames, an id is `<video>@<time>`, and labels
      are -1.
    video_ids: with key frames or segments, the ids that their videos would have
      alone.
    segments: where examples are spans of videos; a path then stands once for
      each of its spans, and an id is `<video>@<start>-<end>`.
    targets: bool [n, classes], read-only, where examples have any number of
      labels; those of `labels` are -1 then. None if each has its one label.
    overlapping: bool [n, classes], of segments that were cut out, the labels
      that others list for half of their time.
  """

  paths: tuple[str, ...]
  labels: np.ndarray
  class_names: tuple[str, ...]
  ids: tuple[str, ...]
  missing: tuple[str, ...] = ()
  records: prepared.Records | None = None
  left_out: tuple[str, ...] = ()
  miscounted: tuple[Miscounted, ...] = ()
  notes: tuple[str, ...] = ()
  fps: float = FPS
  key_frames: KeyFrames | None = None
  video_ids: tuple[str, ...] = ()
  segments: Segments | None = None
  targets: np.ndarray | None = None
  overlapping: np.ndarray | None = None

  def __post_init__(self):
    labels = np.array(self.labels)
    if not self.paths:
      raise UserError('no videos in the split: check the root and the split')
    if not labels.shape == (len(self.paths),) == (len(self.ids),):
      sizes = f'{len(self.paths)} paths and {len(self.ids)} ids'
      raise ValueError(f'{sizes} do not match labels {list(labels.shape)}')
    if labels.dtype.kind not in 'iu':
      raise ValueError(f'labels are {labels.dtype}, not integers')
    listing.check_names(self.class_names, 'class_names')
    wrong = (labels < -1) | (labels >= len(self.class_names))
    if wrong.any():
      first = int(wrong.argmax())
      problem = f'label {labels[first]} of {self.ids[first]!r} is not in'
      raise UserError(f'{problem} -1..{len(self.class_names) - 1}')
    self._freeze('labels', labels.astype(np.int32))
    for name in ('targets', 'overlapping'):
      if getattr(self, name) is not None:
        self._check_targets(name)

  def _check_targets(self, name: str) -> None:
    targets, wanted = getattr(self, name), (len(self), len(self.class_names))
    if targets.dtype != bool or targets.shape != wanted:
      found = f'{targets.dtype} {list(targets.shape)}'
      raise ValueError(f'{name} are {found}, not bool {list(wanted)}')
    self._freeze(name, targets.copy())

  def _freeze(self, name: str, array: np.ndarray) -> None:
    array.setflags(write=False)
    object.__setattr__(self, name, array)

  def __len__(self) -> int:
    return len(self.paths)

  @property
  def num_videos(self) -> int:
    """Number of videos, or of those with key frames or segments."""
    if self.segments is not None:
      return len(self.segments.footage)
    return len(self) if self.key_frames is None else len({*self.paths})

  def video(self, index: int) -> str | bytes:
    """Returns the path of video `index`, or its contents as bytes."""
    path = self.paths[index]  # an IndexError past the end, for both
    if self.records is None:
      return path
    whole = self.segments is None
    return self.records[index if whole else self.segments.video_of[index]]

  @property
  def unit(self) -> str:
    """What its examples are, in messages."""
    if self.segments is not None:
      return 'segments'
    return 'videos' if self.key_frames is None else 'key frames'

  def choose(self, indices: np.ndarray | Sequence[int]) -> 'Split':
    """Chooses some examples; the files of segments stay.

    Raises:
      UserError: it has key frames.
    """
    if self.key_frames is not None:
      raise UserError(
        'a part of the key frames would leave the truth of others: choose '
        'rows of their files instead'
      )
    indices = np.asarray(indices, np.int64)
    pick = lambda values: tuple(values[n] for n in indices)
    rows = lambda array: None if array is None else array[indices]
    segments, records = self.segments, self.records
    if records is not None and segments is None:
      records = records.choose(indices)
    return dataclasses.replace(
      self,
      paths=pick(self.paths),
      labels=self.labels[indices],
      ids=pick(self.ids),
      video_ids=pick(self.video_ids) if self.video_ids else (),
      records=records,
      segments=None if segments is None else segments.choose(indices),
      targets=rows(self.targets),
      overlapping=rows(self.overlapping),
    )

  def list_videos(self, unread: bool = False) -> 'Split':
    """Lists the files of key frames or segments, each once, without labels.

    A folder of files of one second is listed as its files. Without key frames
    and segments it is the split itself.

    Args:
      unread: whether to list `segments.unread` too.
    """
    if self.segments is not None:
      more = self.segments.unread if unread else ()
      footage = (*self.segments.footage, *more)
      files = {video.id: video.path for video in footage}
      found = self._replace_examples(files)
      missing = tuple(video for video in self.missing if video not in files)
      return dataclasses.replace(found, missing=missing)
    if self.key_frames is None:
      return self
    files = dict(zip(self.video_ids, self.paths, strict=True))
    if self.key_frames.seconds:
      files = {
        f'{video}/{name}': os.path.join(folder, name)
        for video, folder in files.items()
        for name in sorted(os.listdir(folder))
        if names.has_video_extension(name)
      }
    return self._replace_examples(files)

  def _replace_examples(self, files: dict[str, str]) -> 'Split':
    return dataclasses.replace(
      self,
      paths=tuple(files.values()),
      labels=np.full(len(files), -1),
      ids=tuple(files),
      key_frames=None,
      video_ids=(),
      segments=None,
      targets=None,
      overlapping=None,
    )

  def fingerprint(self) -> str:
    """Returns 16 hex digits of the sha256 of ids and labels, in order.

    Equal fingerprints mean the same videos with the same labels, wherever the
    data is stored.
    """
    digest = hashlib.sha256()
    for video, label in zip(self.ids, self.labels.tolist(), strict=True):
      digest.update(f'{video}\0{label}\n'.encode(errors='surrogateescape'))
    if self.key_frames is not None:
      self.key_frames.add_to_hash(digest)
    if self.segments is not None:
      self.segments.add_to_hash(digest)
    if self.targets is not None:
      digest.update(np.packbits(self.targets).tobytes())
    return digest.hexdigest()[:16]


def split_key_frames(
  listed: listing.Listing, places: Sequence[Place | None]
) -> Split:
  """Makes the split of a listing with key frames.

  Args:
    listed: with a row for each video.
    places: of the rows; None for videos that are not there, whose key frames
      and truth are left out and counted in a note.
  """
  there = {n: p for n, p in zip(listed.videos, places, strict=True) if p}
  missing = tuple(video for video in listed.videos if video not in there)
  frames, notes = listed.key_frames, [*listed.notes]
  if missing:
    kept = frames.keep_videos(there.keys())
    notes.append(_describe_gone(listed, len(missing), len(frames), len(kept)))
    frames = kept
  unboxed = [video for video in listed.unboxed if video in there]
  if unboxed:
    text = describe_unboxed(listed, unboxed)
    notes.append(f'{text}, whose truth counts as missed')
  at = [there[video] for video, _ in frames.keys]
  paths, ids = [place.path for place in at], [place.id for place in at]
  if frames.seconds:  # found by the first of their files
    paths, ids = map(os.path.dirname, paths), map(posixpath.dirname, ids)
  return Split(
    tuple(paths),
    np.full(len(frames), -1),
    listed.class_names,
    tuple('@'.join(key) for key in frames.keys),
    missing,
    left_out=listed.left_out,
    notes=tuple(notes),
    key_frames=frames,
    video_ids=tuple(ids),
  )


def _describe_gone(listed, missing: int, before: int, after: int) -> str:
  total = f'{missing} of {len(listed.videos)} listed videos'
  text = f'left out with {total} that are missing: {before - after:,} of '
  text += f'{before:,} key frames, and their truth'
  if listed.official:
    text += f' (the published split has {listed.official} videos)'
  return text


def describe_unboxed(listed: listing.Listing, unboxed: Sequence[str]) -> str:
  """Says which videos have truth, but no box in the file of proposals."""
  total, some = len(listed.videos), listing.name_some(unboxed)
  text = f'{listed.key_frames.source} has no box in {len(unboxed)} of {total} '
  return f'{text}videos ({some})'
