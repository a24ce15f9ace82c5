"""Reads the annotation files of public data sets.

Readers raise FileNotFoundError for missing annotations and UserError, naming
file and line, for invalid ones. `num_classes` is the number of classes that the
annotations must have, `annotations` their folder, and `videos` the folder of
the videos, in which '{split}' is replaced by the split. Both folders are
absolute or relative to the root, and None tries the usual places.
"""

import pathlib
import posixpath
from collections.abc import Iterator
from typing import Any

from i2v_jax.data.sets import listing
from i2v_jax.runtime.errors import UserError, check_choice

_SOMETHING_SPLITS = {'train': 'train', 'val': 'validation', 'test': 'test'}
_NO_BRACKETS = str.maketrans('', '', '[]')
_HMDB51_FLAGS = {'train': '1', 'test': '2'}


def read_something_v2(
  root: str,
  split: str,
  annotations: str | None = None,
  num_classes: int = 174,
  videos: str | None = None,
) -> listing.Listing:
  """Reads the json files of Something-Something V2 (Goyal et al., 2017).

  The class is the template without its brackets; the field 'label' is free
  text. The test split is unlabelled.
  """
  listing.check_split('something_v2', split, _SOMETHING_SPLITS)

  def read(name: str) -> tuple[pathlib.Path, Any]:
    names = (f'something-something-v2-{name}.json', f'{name}.json')
    path = listing.find_file(
      root, names, annotations, ('', 'labels', 'annotations')
    )
    return path, listing.read_json(path)

  labels_file, labels = read('labels')
  try:
    ids = {name: int(label) for name, label in labels.items()}
  except (AttributeError, TypeError, ValueError) as error:
    message = f'{labels_file}: expected {{"template": "number"}}'
    raise UserError(message) from error
  class_names = tuple(sorted(ids, key=ids.__getitem__))
  listing.check_numbers(labels_file, sorted(ids.values()), 0)
  listing.check_count(labels_file, class_names, (num_classes,))
  defaults = 'videos', '20bn-something-something-v2'
  folders = listing.choose_bases(defaults, videos, split)
  keys = ('id',) if split == 'test' else ('id', 'template')
  rows = []
  for where, record in listing.iterate_records(
    *read(_SOMETHING_SPLITS[split]), keys
  ):
    template = str(record.get('template')).translate(_NO_BRACKETS)
    if template not in ids and split != 'test':
      problem = f'{where}: template {template!r} is not in {labels_file}'
      raise UserError(f'{problem}: use one release')
    label = -1 if split == 'test' else ids[template]
    rows.append(listing.Row(folders, (str(record['id']),), label))
  return listing.Listing(class_names, rows)


def read_ucf101(
  root: str,
  split: str,
  fold: int = 1,
  annotations: str | None = None,
  num_classes: int = 101,
  videos: str | None = None,
) -> listing.Listing:
  """Reads the train/test lists of UCF101 (Soomro et al., 2012).

  Labels follow classInd.txt, whose order is not that of sorted folder names.
  Case is ignored: 'HandstandPushups' is spelled in two ways.
  """
  listing.check_split('ucf101', split, ('train', 'test'))
  check_choice('fold', fold, (1, 2, 3))
  folders = '', 'ucfTrainTestlist', 'annotations'
  index_file = listing.find_file(root, ['classInd.txt'], annotations, folders)
  class_names = _read_ucf101_classes(index_file)
  listing.check_count(index_file, class_names, (num_classes,))
  labels = {name.lower(): label for label, name in enumerate(class_names)}
  path = listing.find_file(
    root, [f'{split}list{fold:02d}.txt'], annotations, folders
  )
  bases = listing.choose_bases(('UCF-101', 'videos', ''), videos, split)
  rows = []
  for line, text in listing.read_lines(path):
    video, *number = text.split()
    folder, name = posixpath.split(video)
    label = labels.get(folder.lower())
    if label is None or number not in ([], [str(label + 1)]):
      problem = f'{text!r} contradicts {index_file}: get the official files'
      raise listing.make_line_error(path, line, problem)
    places = tuple(posixpath.join(base, folder) for base in bases)
    rows.append(listing.Row(places, (name, posixpath.splitext(name)[0]), label))
  return listing.Listing(class_names, rows)


def _read_ucf101_classes(path: pathlib.Path) -> tuple[str, ...]:
  names, numbers = [], []
  for line, text in listing.read_lines(path):
    number, _, name = text.partition(' ')
    if not number.isdecimal() or not name.strip():
      raise listing.make_line_error(
        path, line, f"{text!r} is not like '1 ApplyEyeMakeup'"
      )
    numbers.append(int(number))
    names.append(name.strip())
  listing.check_numbers(path, numbers, 1)
  return tuple(names)


def read_hmdb51(
  root: str,
  split: str,
  fold: int = 1,
  annotations: str | None = None,
  num_classes: int = 51,
  videos: str | None = None,
) -> listing.Listing:
  """Reads `<class>_test_split<fold>.txt` of HMDB51 (Kuehne et al., 2011).

  Labels are the ranks of the sorted class names. Clips flagged 0 belong to
  neither split of a fold.
  """
  listing.check_split('hmdb51', split, _HMDB51_FLAGS)
  check_choice('fold', fold, (1, 2, 3))
  ending = f'_test_split{fold}.txt'
  places = '', 'testTrainMulti_7030_splits', 'annotations'
  folders = listing.list_folders(root, places, annotations)
  paths = [p for folder in folders for p in folder.glob(f'*{ending}')]
  if not paths:
    raise listing.make_missing_error(f'*{ending}', folders)
  files = {path.name.removesuffix(ending): path for path in paths}
  listing.check_count(folders[0], paths, (num_classes,))
  class_names = tuple(sorted(files))
  bases = listing.choose_bases(('videos', 'hmdb51_org', ''), videos, split)
  rows = []
  for label, name in enumerate(class_names):
    places = tuple(posixpath.join(base, name) for base in bases)
    for video in _read_hmdb51_videos(files[name], _HMDB51_FLAGS[split]):
      rows.append(
        listing.Row(places, (video, posixpath.splitext(video)[0]), label)
      )
  return listing.Listing(class_names, rows)


def _read_hmdb51_videos(path: pathlib.Path, wanted: str) -> Iterator[str]:
  for line, text in listing.read_lines(path):
    video, _, flag = text.rpartition(' ')
    if not video or flag not in ('0', '1', '2'):
      raise listing.make_line_error(
        path, line, f"{text!r} is not like 'name.avi 1'"
      )
    if flag == wanted:
      yield video.strip()


def read_diving48(
  root: str,
  split: str,
  annotations: str | None = None,
  num_classes: int = 48,
  videos: str | None = None,
) -> listing.Listing:
  """Reads the V2 labels of Diving48 (Li et al., 2018; relabelled in 2020).

  The clips are trimmed; 'start_frame' and 'end_frame' are not used.
  """
  listing.check_split('diving48', split, ('train', 'test'))
  vocab_file = listing.find_file(root, ['Diving48_vocab.json'], annotations)
  vocab = listing.read_json(vocab_file)
  try:
    class_names = tuple('+'.join(words) for words in vocab)
  except TypeError as error:
    message = f'{vocab_file}: expected a list of lists of words'
    raise UserError(message) from error
  listing.check_count(vocab_file, class_names, (num_classes,))
  path = _find_diving48_file(root, split, annotations)
  folders = listing.choose_bases(('rgb', 'videos', ''), videos, split)
  rows = []
  records = listing.read_json(path)
  for where, record in listing.iterate_records(
    path, records, ('vid_name', 'label')
  ):
    label = record['label']
    if label not in range(num_classes):
      problem = f'{where}: label {label!r} is not in 0..{num_classes - 1}'
      raise UserError(f'{problem}: get the official file')
    rows.append(listing.Row(folders, (str(record['vid_name']),), label))
  return listing.Listing(class_names, rows)


def _find_diving48_file(root, split, annotations) -> pathlib.Path:
  name = f'Diving48_V2_{split}.json'
  try:
    return listing.find_file(root, [name], annotations)
  except FileNotFoundError as error:
    for folder in listing.list_folders(root, ('', 'annotations'), annotations):
      first = folder / f'Diving48_{split}.json'
      if first.exists():
        problem = 'holds the V1 labels, many of which are wrong'
        raise UserError(f'{first} {problem}: get {name}') from error
    raise
