"""Makes a tiny data set with the files of AVA: real movies, official formats.

Two movies for training and one for validation, of four seconds, in which a
white box stands on grey; key frames are seconds 901 to 903.
"""

import csv
import json
import pathlib
import pickle

import numpy as np

from i2v_jax.data.sets import digits

MOVIES = {'train': ('-5KQ66BBWC4', '1j20qq1JyX4'), 'val': ('_Ca3gOdOHxU',)}
STAMPS = (901, 902, 903)
WIDTH, HEIGHT, FPS, SECONDS = 48, 32, 8, 4
LEFT, RIGHT = (0.125, 0.25, 0.375, 0.75), (0.5, 0.125, 0.75, 0.625)
EXCLUDED = {'train': ('1j20qq1JyX4', 903), 'val': ('_Ca3gOdOHxU', 903)}
ACTIONS = {1: 'bend/bow (at the waist)', 12: 'stand', 80: 'watch (a person)'}
NOT_EVALUATED = (2, 16, 18, 19, 21, 23, 25, 31, 32, 33, 35, 39, 40, 42, 44, 50)
NOT_EVALUATED += (53, 55, 71, 75)
# Of val: the second box of 901 is not sure, all of 902 are missed.
PROPOSALS = (
  (901, (0.1, 0.25, 0.375, 0.75), 0.95),
  (901, (0.5, 0.125, 0.75, 0.5), 0.5),
  (903, LEFT, 0.9),
)


def make(root, movies: str = 'cut', version: str = '2.2') -> pathlib.Path:
  """Makes the data set.

  Args:
    root: a folder, made if it does not exist.
    movies: as the option of the format; 'whole' ones have 1 frame per second.
    version: of the annotations.

  Returns:
    the root, a `pathlib.Path`.
  """
  root = pathlib.Path(root)
  (root / 'annotations').mkdir(parents=True, exist_ok=True)
  for number, movie in enumerate((*MOVIES['train'], *MOVIES['val'])):
    _write_movie(root / 'videos', movie, movies, 60 + 40 * number)
  for split in MOVIES:
    _write_csvs(root / 'annotations', split, version)
  write_actions(root / 'annotations')
  _write_proposals(root)
  return root


def draw(grey: int, count: int) -> np.ndarray:
  """Draws a movie: uint8 [T, 32, 48, 3], white at `LEFT` on grey."""
  frames = np.full((count, HEIGHT, WIDTH, 3), grey, np.uint8)
  x1, y1, x2, y2 = (np.array(LEFT) * ((WIDTH, HEIGHT) * 2)).astype(int)
  frames[:, y1:y2, x1:x2] = 255
  return frames


def _write_movie(folder: pathlib.Path, movie, movies: str, grey: int) -> None:
  folder.mkdir(exist_ok=True)
  if movies == 'cut':
    frames = draw(grey, SECONDS * FPS)
    digits.write_video(folder / f'{movie}.mp4', frames, FPS)
  elif movies == 'whole':
    frames = draw(grey, 900 + SECONDS)
    digits.write_video(folder / f'{movie}.mp4', frames, 1)
  else:
    (folder / movie).mkdir(exist_ok=True)
    for second in range(900, 900 + SECONDS):
      path = folder / movie / f'{second}.mp4'
      digits.write_video(path, draw(grey, FPS), FPS)


def list_rows(split: str) -> list[tuple]:
  """Lists the rows of a split: a person stands and bends, another watches."""
  rows = []
  for movie in MOVIES[split]:
    for stamp in STAMPS:
      rows += [(movie, f'{stamp:04d}', *LEFT, a, 7) for a in (12, 1)]
      rows += [(movie, f'{stamp:04d}', *RIGHT, 80, 9)] * (stamp != 902)
  return rows


def _write_csvs(folder: pathlib.Path, split: str, version: str) -> None:
  write_csv(folder / f'ava_{split}_v{version}.csv', list_rows(split))
  movie, stamp = EXCLUDED[split]
  path = folder / f'ava_{split}_excluded_timestamps_v{version}.csv'
  write_csv(path, [(movie, f'{stamp:04d}')])


def write_csv(path: pathlib.Path, rows) -> None:
  """Writes rows as AVA does: without a header, with CRLF."""
  with path.open('w', newline='', encoding='utf-8') as file:
    csv.writer(file).writerows(rows)


def write_actions(folder: pathlib.Path) -> None:
  """Writes both lists of actions in their two notations."""
  names = {n: ACTIONS.get(n, f'action {n}, of 80') for n in range(1, 81)}
  entry = 'label {{\n  name: "{}"\n  label_id: {}\n  label_type: PERSON\n}}\n'
  text = ''.join(entry.format(name, n) for n, name in names.items())
  path = folder / 'ava_action_list_v2.2.pbtxt'
  path.write_text(text, encoding='utf-8')
  entry = 'item {{\n  name: "{}"\n  id: {}\n}}\n'
  chosen = {n: name for n, name in names.items() if n not in NOT_EVALUATED}
  text = ''.join(entry.format(name, n) for n, name in chosen.items())
  path = folder / 'ava_action_list_v2.2_for_activitynet_2019.pbtxt'
  path.write_text(text, encoding='utf-8')


def _write_proposals(root: pathlib.Path) -> None:
  """Writes the proposals of val in three forms, each with the same boxes."""
  (movie,) = MOVIES['val']
  write_csv(
    root / 'proposals.csv',
    [(movie, f'{t:04d}', *box, score) for t, box, score in PROPOSALS],
  )
  sizes = {'width': WIDTH, 'height': HEIGHT}
  images = [
    {'id': n, 'movie': movie, 'timestamp': t} | sizes
    for n, t in enumerate(STAMPS)
  ]
  found = [
    {'image_id': STAMPS.index(t), 'bbox': _to_pixels(box), 'score': score}
    for t, box, score in PROPOSALS
  ]
  (root / 'images.json').write_text(json.dumps({'images': images}))
  (root / 'proposals.json').write_text(json.dumps(found))
  arrays = {}
  for stamp, box, score in PROPOSALS:
    arrays.setdefault(f'{movie},{stamp:04d}', []).append((*box, score))
  arrays = {key: np.array(rows) for key, rows in arrays.items()}
  (root / 'proposals.pkl').write_bytes(pickle.dumps(arrays, protocol=2))


def _to_pixels(box) -> list[float]:
  """Converts shares to x, y, width and height in pixels."""
  x1, y1, x2, y2 = box
  return [x1 * WIDTH, y1 * HEIGHT, (x2 - x1) * WIDTH, (y2 - y1) * HEIGHT]
