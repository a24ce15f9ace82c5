"""Boxes of persons that a detector found in AVA, in three published forms."""

import json
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from i2v_jax.data.sets import ava_files, box_tables, listing, numpy_pickle
from i2v_jax.data.sets.key_frames import Key, Rows
from i2v_jax.data.sets.problems import Problems
from i2v_jax.runtime.errors import UserError

_COLUMNS = ('file', 'time', *box_tables.SIDES, 'score')
_PUBLISHED = (*_COLUMNS[:-1], 'label', 'score')  # the label is empty
_PICKLES = ('.pkl', '.pickle')


class Image(NamedTuple):
  """An image of COCO: a key frame, and its size in pixels."""

  key: Key
  width: float
  height: float


def read_proposals(path: listing.Path, images: listing.Path = '') -> Rows:
  """Reads proposals; their labels are -1.

  By its name the file is one of three:

  * `.pkl`: `{'<video>,<stamp>': [n, 5]}`, x1, y1, x2, y2 in shares of the
    frame and a score, as SlowFast and mmaction2 read it.
  * `.json`: COCO's list of `image_id`, `bbox` [x, y, width, height] in pixels
    and `score`, as AlphAction and VideoMAE-Action-Detection read it. What an
    `image_id` is must be said by `images`, or by `movie`, `timestamp`, `width`
    and `height` in each record; it may be '<video>,<stamp>'. Edges are at x and
    x + width.
  * any other: CSV `video,stamp,x1,y1,x2,y2,score` in shares, with or without a
    header; or `video,stamp,x1,y1,x2,y2,,score`, as SlowFast reads it.

  Args:
    path: the file.
    images: JSON `{"images": [{id, movie, timestamp, width, height}]}`.

  Raises:
    FileNotFoundError: a file does not exist.
    UserError: names the first ten lines or records that are wrong.
  """
  ending = os.path.splitext(path)[1].lower()
  if images and ending != '.json':
    raise UserError(f"{path} is no .json: drop the option 'proposals_images'")
  if ending in _PICKLES:
    return _read_pickle(path)
  return _read_json(path, images) if ending == '.json' else _read_csv(path)


def _make_rows(keys, boxes, scores, numbers, problems, near=box_tables.NEAR):
  """Makes rows of parts of a file, after checking them."""
  boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
  scores = np.asarray(scores, np.float64)
  box_tables.check_scores(scores, numbers, problems)
  boxes = box_tables.check_boxes(boxes, numbers, problems, near)
  problems.check()
  return Rows(keys, boxes, np.full(len(keys), -1), scores)


def _read_csv(path) -> Rows:
  columns = _PUBLISHED if _has_labels(path) else _COLUMNS
  table, problems = box_tables.read(path, columns), Problems(path)
  keys = ava_files.convert_keys(table, problems)
  boxes = box_tables.convert_boxes(table, problems)
  scores = table.convert_numbers('score', problems)
  return _make_rows(keys, boxes, scores, table.lines, problems)


def _has_labels(path) -> bool:
  """Whether lines have a label before the score, and no header names it."""
  with listing.open_text(path) as file:
    cells = next((line for line in file if line.strip()), '').split(',')
  return len(cells) == len(_PUBLISHED) and 'score' not in cells[-1].lower()


def _read_pickle(path) -> Rows:
  found, problems = numpy_pickle.read(path), Problems(path, 'record')
  if not isinstance(found, dict):
    kind = type(found).__name__
    raise UserError(
      f"{path} holds no dict of '<video>,<stamp>' but a {kind}: give another "
      'file'
    )
  keys, boxes, numbers = [], [np.empty((0, 5))], []
  for number, (name, value) in enumerate(found.items(), start=1):
    try:
      key, rows = _parse_key(name), _parse_array(value)
    except UserError as error:
      problems.add(number, str(error))
      continue
    boxes.append(rows)
    keys += [key] * len(rows)
    numbers += [number] * len(rows)
  table = np.concatenate(boxes)
  return _make_rows(tuple(keys), table[:, :4], table[:, 4], numbers, problems)


def _parse_key(name: Any) -> Key:
  """Parses '<video>,<stamp>'."""
  name = name.decode('latin1') if isinstance(name, bytes) else name
  video, comma, stamp = str(name).rpartition(',')
  if not comma:
    raise UserError(f"{name!r:.60} is not '<video>,<stamp>'")
  return ava_files.parse_video(video), ava_files.parse_stamp(stamp)


def _parse_array(value: Any) -> np.ndarray:
  try:
    rows = np.asarray(value, np.float64)
  except (TypeError, ValueError):
    rows = None
  if rows is not None and not rows.size:
    return np.empty((0, 5))
  if rows is None or rows.ndim != 2 or rows.shape[1] != 5:
    shape = 'no array' if rows is None else f'an array {list(rows.shape)}'
    raise UserError(f'is {shape} instead of [n, 5]')
  return rows


def _read_json(path, images) -> Rows:
  value, problems = listing.read_json(path), Problems(path, 'record')
  known = _read_images(images) if images else {}
  keys, boxes, scores, sizes, numbers = [], [], [], [], []
  records = listing.iterate_records(path, value, ('bbox', 'score'))
  for number, (_, record) in enumerate(records, start=1):
    try:
      image = _find_image(record, known, images)
      x, y, width, height = _parse_numbers(record['bbox'], 4)
      (score,) = _parse_numbers([record['score']], 1)
    except UserError as error:
      problems.add(number, str(error))
      continue
    keys.append(image.key)
    boxes.append((x, y, x + width, y + height))
    sizes.append((image.width, image.height) * 2)
    scores.append(score)
    numbers.append(number)
  sizes = np.array(sizes, np.float64).reshape(-1, 4)
  boxes = np.array(boxes, np.float64).reshape(-1, 4) / sizes
  # Whether an edge or the last pixel is meant differs by one.
  near = np.maximum(1.001 / sizes, box_tables.NEAR)
  return _make_rows(tuple(keys), boxes, scores, numbers, problems, near)


def _parse_numbers(values: Any, count: int) -> list[float]:
  right = isinstance(values, list) and len(values) == count
  if not right or not all(type(value) in (int, float) for value in values):
    shown = json.dumps(values)[:60]
    raise UserError(f'{shown} is not {count} number{"s" * (count > 1)}')
  return values


def _read_images(path) -> dict[Any, Image]:
  """Reads the key frames of the images of a file of COCO."""
  value = listing.read_json(path)
  if not isinstance(value, dict) or 'images' not in value:
    raise UserError(f'{path} has no "images": give the annotations of COCO')
  fields = ('id', 'movie', 'timestamp', 'width', 'height')
  problems, found = Problems(path, 'image'), {}
  records = listing.iterate_records(path, value['images'], fields)
  for number, (_, record) in enumerate(records, start=1):
    try:
      found[_make_hashable(record['id'])] = _parse_image(record)
    except UserError as error:
      problems.add(number, str(error))
  problems.check()
  return found


def _parse_image(record: Mapping[str, Any]) -> Image:
  sizes = _parse_numbers([record['width'], record['height']], 2)
  if min(sizes) <= 0:
    raise UserError(f'is {sizes[0]} x {sizes[1]} pixels large')
  video = ava_files.parse_video(str(record['movie']))
  return Image((video, ava_files.parse_stamp(str(record['timestamp']))), *sizes)


def _find_image(record, known: Mapping[Any, Image], file) -> Image:
  """Finds the key frame and the size of the image of a record."""
  number = _make_hashable(record.get('image_id'))
  if number in known:
    return known[number]
  given = dict(record)
  if 'movie' not in record and isinstance(number, str) and ',' in number:
    given['movie'], _, given['timestamp'] = number.rpartition(',')
  missing = [
    name
    for name in ('movie', 'timestamp', 'width', 'height')
    if name not in given
  ]
  if not missing:
    return _parse_image(given)
  if known:
    raise UserError(f'image_id {number!r} is not in {file}')
  raise UserError(
    f'image_id {number!r} has no {missing[0]}; name the file that has it by '
    "the option 'proposals_images'"
  )


def _make_hashable(number: Any) -> Any:
  return number if isinstance(number, int | str) else json.dumps(number)
