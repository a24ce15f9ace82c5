"""The boxes of a test: proposals, held against the annotated key frames."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from i2v_jax.data.sets.group_boxes import Boxes
from i2v_jax.data.sets.key_frames import Key, Rows, Truth
from i2v_jax.runtime.errors import UserError


class Candidates(NamedTuple):
  """The boxes of the key frames of a split.

  Attributes:
    boxes: to train on, or to classify.
    source: 'annotations', or the name of the file they come from.
    unboxed: videos with truth that no proposal is in.
    notes: sentences about what was left out, or has no proposal.
  """

  boxes: Boxes
  source: str = 'annotations'
  unboxed: tuple[str, ...] = ()
  notes: tuple[str, ...] = ()


class Rule(NamedTuple):
  """Which proposals are classified.

  Attributes:
    min_score: the lowest score.
    keep_one: whether the best box of a key frame is kept whatever its score,
      with those that equal it: mmaction2's min(min_score, best score).
  """

  min_score: float
  keep_one: bool


def choose_annotated(boxes: Boxes, truth: Truth) -> Candidates:
  """Chooses annotated boxes for a test without proposals."""
  return Candidates(
    boxes.choose([key not in truth.excluded for key in boxes.keys])
  )


def choose(
  found: Rows,
  file: str,
  truth: Truth,
  is_here: Callable[[Key], bool],
  rule: Rule,
) -> Candidates:
  """Chooses the proposals that a test classifies.

  Args:
    found: all proposals of a file.
    file: its name.
    truth: what is annotated.
    is_here: whether a key frame is one of this split.
    rule: which of them.

  Raises:
    UserError: no proposal is in a key frame of this split, or none has a
      sufficient score.
  """
  check_rule(rule)
  found, notes = _leave_strangers(found, file, truth, is_here)
  boxed = {video for video, _ in found.keys}
  found = found.choose(_find_good(found, rule))
  found = found.choose([key not in truth.excluded for key in found.keys])
  if not found.keys:
    problem = f'no box in {file} has a score of {rule.min_score:g} or more'
    raise UserError(f'{problem} in a key frame that counts: lower min_score')
  notes += _compare(found, file, truth, rule)
  videos = dict.fromkeys(video for video, _ in truth.keys)
  unboxed = tuple(video for video in videos if video not in boxed)
  labels = np.zeros((len(found.keys), len(truth.evaluated)), bool)
  nobody = ('',) * len(found.keys)
  boxes = Boxes(found.keys, found.boxes, labels, found.scores, nobody)
  return Candidates(boxes, file, unboxed, tuple(notes))


def check_rule(rule: Rule) -> None:
  """Raises UserError for an impossible rule."""
  score = rule.min_score
  if not (isinstance(score, int | float) and 0 <= score <= 1):
    raise UserError(f'min_score is {score!r}; it can be a number from 0 to 1')


def _leave_strangers(
  found: Rows, file: str, truth: Truth, is_here
) -> tuple[Rows, list[str]]:
  """Leaves out, and counts, boxes in key frames of other splits."""
  here = np.array([is_here(key) for key in found.keys], bool)
  pairs = zip(found.keys, here, strict=True)
  away = dict.fromkeys(key for key, is_ours in pairs if not is_ours)
  if not here.any():
    raise UserError(_describe_strangers(file, away, truth))
  if not away:
    return found, []
  shown = ', '.join(map(_name, [*away][:3])) + ', ...' * (len(away) > 3)
  count = int(np.count_nonzero(~here))
  note = f'boxes of {file} in no key frame of this split, left out: {count:,}'
  return found.choose(here), [f'{note} ({shown})']


def _find_good(found: Rows, rule: Rule) -> np.ndarray:
  """Finds the boxes with a sufficient score: bool [R]."""
  if not rule.keep_one:
    return found.scores >= rule.min_score
  best = {}
  for key, score in zip(found.keys, found.scores, strict=True):
    best[key] = max(best.get(key, 0), score)
  least = [min(rule.min_score, best[key]) for key in found.keys]
  return found.scores >= np.array(least)


def _compare(found, file, truth: Truth, rule: Rule) -> list[str]:
  """Notes annotated key frames without a proposal, and the reverse."""
  annotated, boxed, notes = truth.keys, set(found.keys), []
  least = f' with a score of {rule.min_score:g} or more'
  least = '' if rule.keep_one else least
  if count := sum(key not in boxed for key in annotated):
    notes.append(
      f'annotated key frames without a box{least} in {file}, whose truth '
      f'counts as missed: {count:,} of {len(annotated):,}'
    )
  if count := len(boxed - annotated.keys()):
    notes.append(
      f'key frames with a box in {file} but without truth, where all that is '
      f'found counts as wrong: {count:,}'
    )
  return notes


def _describe_strangers(file: str, away, truth: Truth) -> str:
  ours = ', '.join(map(_name, [*truth.keys][:1]))
  if not away:
    return f'{file} holds no box: give the proposals of this split'
  problem = f'{file} has no box in a key frame of this split: its first is in'
  problem += f' {_name(next(iter(away)))}, the first annotated one is {ours}'
  return f'{problem}: give the proposals of this split and version'


def _name(key: Key) -> str:
  return '@'.join(key)
