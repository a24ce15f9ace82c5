"""Mirrored clips, and the labels that mirroring exchanges."""

import collections
from collections.abc import Iterable, Mapping, Sequence

import cv2
import numpy as np

from i2v_jax.data.clips import sides
from i2v_jax.data.videos.resize import check_frames
from i2v_jax.runtime.errors import UserError

_WAY_OUT = (
  'correct the class names, or train without mirroring by clip.flip=0; if they '
  'mean no side, clip.flip_labels=False mirrors and keeps the labels.'
)
_SHOWN = 6  # pairs that a sentence names


def random_flip(
  frames: np.ndarray,
  label: int | np.ndarray,
  rng: np.random.Generator,
  probability: float = 0.5,
  label_map: Mapping[int, int] | None = None,
) -> tuple[np.ndarray, int | np.ndarray]:
  """Mirrors all frames left to right, or none.

  Args:
    frames: uint8 [T, H, W, 3].
    label: class of the clip, or bool [classes], those that it has.
    rng: source of the one coin.
    probability: of mirroring.
    label_map: classes that mirroring exchanges, from `make_flip_map`.

  Returns:
    The mirrored frames, contiguous, and their label; or both unchanged.
  """
  check_frames(frames)
  if rng.random() >= probability:
    return frames, label
  frames, label_map = mirror(frames), label_map or {}
  if isinstance(label, np.ndarray):
    return frames, exchange_columns(label[None], label_map)[0]
  return frames, label_map.get(label, label)


def mirror(frames: np.ndarray) -> np.ndarray:
  """Mirrors uint8 frames [T, H, W, 3] left to right; the result is new."""
  # All later steps would copy a view of negative stride, slowly.
  out = np.empty(frames.shape, np.uint8)
  for source, target in zip(frames, out, strict=True):
    cv2.flip(source, 1, target)
  return out


def exchange_columns(
  labels: np.ndarray, label_map: Mapping[int, int]
) -> np.ndarray:
  """Exchanges the columns of labels [n, classes] that mirroring exchanges."""
  found = labels.copy()
  for label, mirrored in label_map.items():
    found[:, mirrored] = labels[:, label]
  return found


def make_flip_map(class_names: Iterable[str]) -> dict[int, int]:
  """Finds the pairs of classes that mirroring exchanges, by their names.

  Two classes belong together when their names differ in sides or directions of
  rotation only, such as Something-Something V2's "Pulling something from left
  to right" and "... from right to left", `turnLeft` and `turn_right`, or `cw`
  and `ccw`; see `sides`. Numbers that count the classes (`01_left`) are not
  part of their names. A name with "left and right" or "left or right" is its
  own mirror image and has no entry. A word that may or may not name a side,
  such as `hand_l`, counts if the class of the other side exists.

  Args:
    class_names: in label order.

  Returns:
    label -> label of the mirrored video, in both directions.

  Raises:
    UserError: a name has no mirror image or more than one, so that flipped
      videos would get a wrong label.
  """
  names = list(class_names)
  plain = sides.remove_numbers(names)
  keys = [sides.make_key(name) for name in plain]
  sided = [n for n, key in enumerate(keys) if sides.mirror(key) != key]
  possible = {
    label: keys[label] if label in sided else sides.make_possible_key(name)
    for label, name in enumerate(plain)
  }
  found = _find_pairs(names, possible, sided)
  rest = {
    label: sides.make_loose_key(name)
    for label, name in enumerate(plain)
    if label not in found and not _is_in_a_row(plain, label)
  }
  return found | _find_loose_pairs(names, rest)


def names_sides(class_names: Iterable[str]) -> bool:
  """Whether any name contains a side or a direction of rotation."""
  keys = map(sides.make_key, class_names)
  return any(sides.mirror(key) != key for key in keys)


def describe_exchanged(
  flip_map: Mapping[int, int], class_names: Sequence[str]
) -> str:
  """Lists the pairs that mirroring exchanges, such as 'a <-> b', or 'none'."""
  pairs = [
    f'{class_names[label]} <-> {class_names[other]}'
    for label, other in sorted(flip_map.items())
    if label < other
  ]
  more = f' and {len(pairs) - _SHOWN} more pairs' * (len(pairs) > _SHOWN)
  return (', '.join(pairs[:_SHOWN]) + more) or 'none'


def _find_pairs(names, keys: Mapping[int, sides.Key], sided) -> dict[int, int]:
  labels, found = _group_by_key(keys), {}
  for label in sided:
    same = labels[keys[label]]
    partners = labels.get(sides.mirror(keys[label]), [])
    if len(same) != 1 or len(partners) != 1:
      raise _make_error(names, label, same, partners)
    found |= {label: partners[0], partners[0]: label}
  return found


def _find_loose_pairs(names, keys: Mapping[int, sides.Key]) -> dict[int, int]:
  labels, found = _group_by_key(keys), {}
  for label, key in keys.items():
    partners = labels.get(sides.mirror(key), [])
    if sides.mirror(key) == key or not partners:
      continue
    if len(labels[key]) != 1 or len(partners) != 1:
      raise _make_error(names, label, labels[key], partners)
    found[label] = partners[0]
  return found


def _group_by_key(keys: Mapping[int, sides.Key]) -> dict[sides.Key, list[int]]:
  labels = collections.defaultdict(list)
  for label, key in keys.items():
    labels[key].append(label)
  return labels


def _is_in_a_row(names, label: int) -> bool:
  """Whether l or r in a name is one of a series of letters, as an alphabet."""
  blank, own = sides.blank_letters(names[label])
  others = [
    letters for b, letters in map(sides.blank_letters, names) if b == blank
  ]
  places = [n for n, letter in enumerate(own) if letter in 'lr']
  return any(letters[n] not in 'lr' for letters in others for n in places)


def _make_error(names, label, same, partners) -> ValueError:
  problem = 'there is none'
  for alike in (same, partners):
    if len(alike) > 1:
      first, second = (names[n] for n in alike[:2])
      problem = f'"{first}" and "{second}" are one name written in two ways'
  return UserError(
    f'class {label} "{names[label]}" names a side or direction of rotation and '
    f'needs exactly one mirror image among the classes, but {problem}: '
    f'{_WAY_OUT}'
  )
