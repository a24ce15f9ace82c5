"""Mirrored clips, and the labels that they exchange."""

import re
from collections.abc import Iterable, Mapping

import cv2
import numpy as np

from i2v_jax.data.transforms import check_frames

# The longer alternative comes first, so that 'left and right' stays together.
_SIDES = re.compile(r'\b((left|right)( and | or )(left|right)|left|right)\b')
_OTHER_SIDE = {'left': 'right', 'right': 'left'}


def random_flip(
  frames: np.ndarray,
  label: int,
  rng: np.random.Generator,
  probability: float = 0.5,
  label_map: Mapping[int, int] | None = None,
) -> tuple[np.ndarray, int]:
  """Mirrors all frames left to right, or none.

  Args:
    frames: uint8 [T, H, W, 3].
    label: class of the clip.
    rng: source of the one coin.
    probability: of mirroring.
    label_map: classes that mirroring exchanges, from `flip_label_map`.

  Returns:
    The frames, contiguous, and the label, both exchanged; or both as given.
  """
  check_frames(frames)
  if rng.random() >= probability:
    return frames, label
  return _mirrored(frames), (label_map or {}).get(label, label)


def flip_label_map(class_names: Iterable[str]) -> dict[int, int]:
  """Finds the classes that a mirrored video exchanges, by their names.

  Two classes belong together when their names differ in the words left and
  right only, such as Something-Something V2's "Pulling something from left to
  right" and "... from right to left". A name that says "left and right" or
  "left or right" is its own mirror and has no entry.

  Takes one name per class, in the order of the labels. Returns label ->
  mirrored label, in both directions. Raises ValueError where a name has no
  mirror image or occurs twice: flipped videos would get a wrong label.
  """
  names = enumerate(map(str.casefold, class_names))
  sided = [(label, name) for label, name in names if _mirror(name) != name]
  labels = {name: label for label, name in sided}
  for label, name in sided:
    if labels[name] != label or _mirror(name) not in labels:
      raise ValueError(
        f'class {label} "{name}" needs exactly one mirror image '
        f'"{_mirror(name)}" among the classes; correct the class names, or '
        'train without flipping.'
      )
  return {label: labels[_mirror(name)] for label, name in sided}


def _mirrored(frames: np.ndarray) -> np.ndarray:
  # A view of negative stride would be copied, slowly, by all that follows.
  out = np.empty(frames.shape, np.uint8)
  for source, target in zip(frames, out, strict=True):
    cv2.flip(source, 1, target)
  return out


def _mirror(name: str) -> str:
  """Exchanges left and right in a case-folded name, if not 'left and right'."""
  return _SIDES.sub(lambda match: _OTHER_SIDE.get(match[0], match[0]), name)
