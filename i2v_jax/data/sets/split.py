"""The examples of a split, whatever format they were read from."""

import dataclasses
import hashlib

import numpy as np

from i2v_jax.data.sets import listing, prepared
from i2v_jax.data.sets.absent import Miscounted
from i2v_jax.data.sets.key_frames import KeyFrames
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
    missing: ids of the videos that were listed but not found.
    records: the videos, if they are not files; `paths` are names then.
    left_out: ids of the files next to them that do not count as videos.
    miscounted: folders of frames whose list gives another number of frames.
    notes: sentences about how they were found.
    fps: frames per second of videos that are folders of frames.
    key_frames: where examples are key frames with boxes; a path then stands
      once for each of its key frames, and labels are -1.
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
    labels = labels.astype(np.int32)
    labels.setflags(write=False)
    object.__setattr__(self, 'labels', labels)

  def __len__(self) -> int:
    return len(self.paths)

  def video(self, index: int) -> str | bytes:
    """Returns the path of video `index`, or its contents as bytes."""
    path = self.paths[index]  # an IndexError past the end, for both
    return path if self.records is None else self.records[index]

  def fingerprint(self) -> str:
    """Returns 16 hex digits of the sha256 of ids and labels, in order.

    Equal fingerprints mean the same videos with the same labels, wherever the
    data is stored.
    """
    digest = hashlib.sha256()
    for video, label in zip(self.ids, self.labels.tolist(), strict=True):
      digest.update(f'{video}\0{label}\n'.encode(errors='surrogateescape'))
    if self.key_frames is not None:
      self.key_frames.update(digest)
    return digest.hexdigest()[:16]
