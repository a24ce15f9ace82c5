"""Rows are read as they were written, and only what they were written for."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from i2v_jax.runtime.errors import FileError
from i2v_jax.training import feature_store
from i2v_jax.training.feature_store import Store

LIKE = [
  jax.ShapeDtypeStruct((2, 3), jnp.bfloat16),
  jax.ShapeDtypeStruct((4,), jnp.float32),
]
FACTS = {'seed': 0, 'data': 'abc', 'offsets': (-1, 1), 'more': 'x' * 100}


def rows(store, first, stop):
  """Rows whose arrays hold their number."""
  numbers = np.arange(first, stop)
  arrays = [
    np.broadcast_to(
      numbers.reshape(-1, *[1] * len(x.shape)), (stop - first, *x.shape)
    ).astype(x.dtype)
    for x in LIKE
  ]
  return store.rows(arrays, {'label': numbers % 3, 'mask': numbers % 2})


@pytest.fixture
def store(tmp_path):
  store = Store(tmp_path / 'features', LIKE, 10, FACTS)
  store.open(1e9)
  return store


def test_rows_are_read_in_any_order(store):
  store.append(rows(store, i, i + 4) for i in (0, 4, 8))  # two too many
  assert store.done == 10 and store.nbytes == 10 * (8 + 12 + 16)
  (one, two), known = store.read([7, 0, 7, 9])
  assert one.dtype == jnp.bfloat16 and one.shape == (4, 2, 3)
  np.testing.assert_array_equal(one[:, 1, 2].astype(int), [7, 0, 7, 9])
  np.testing.assert_array_equal(two[:, 3], [7, 0, 7, 9])
  np.testing.assert_array_equal(known['label'], [1, 0, 1, 0])
  np.testing.assert_array_equal(known['mask'], [1, 0, 1, 1])


def test_labels_of_several_classes_are_kept_beside_them(tmp_path):
  store = Store(tmp_path / 'features', LIKE[1:], 2, FACTS, classes=3)
  store.open(1e9)
  targets = np.array([[1, 0, 1], [0, 0, 0]], np.uint8)
  known = {'label': [-1, -1], 'mask': [1, 0], 'targets': targets}
  store.append([store.rows([np.ones((2, 4), 'f4')], known)])
  (array,), found = store.read([1, 0])
  np.testing.assert_array_equal(found['targets'], targets[::-1])
  assert array.shape == (2, 4) and found.keys() == known.keys()


def test_half_a_row_is_written_anew(store):
  store.append([rows(store, 0, 5)])
  with (store.folder / feature_store.DATA).open('ab') as file:
    file.write(b'killed here')
  again = Store(store.folder, LIKE, 10, FACTS)
  again.open(1e9)
  assert again.done == 5
  with pytest.raises(ValueError, match='has 5 of 10 rows'):
    again.read([0])
  again.append([rows(store, 5, 10)])
  np.testing.assert_array_equal(again.read(range(10))[0][1][:, 0], range(10))


def test_rows_of_another_kind_are_refused(store):
  other = Store(store.folder, LIKE, 10, FACTS | {'data': 'abd'})
  with pytest.raises(ValueError, match='features of another data; delete'):
    other.open(1e9)
  Store(store.folder, LIKE, 10, FACTS).open(1e9)  # a tuple is a list in JSON


def test_facts_that_cannot_be_read_are_named(store):
  (store.folder / feature_store.FACTS).write_text('', encoding='utf-8')
  with pytest.raises(ValueError, match=r'features\.json cannot .* delete'):
    store.open(1e9)


def test_facts_are_whole_or_as_they_were(store, full_disk):
  before = (store.folder / feature_store.FACTS).read_text(encoding='utf-8')
  again = Store(store.folder, LIKE, 10, FACTS)
  with pytest.raises(OSError, match=r'features\.json could not be written'):
    again.open(1e9)
  assert (store.folder / feature_store.FACTS).read_text(
    encoding='utf-8'
  ) == before


def test_more_than_the_limit_is_refused_before_anything_is_written(tmp_path):
  store = Store(tmp_path / 'features', LIKE, 10**9, FACTS)
  with pytest.raises(ValueError, match=r'take 36.00 GB, more than .* = 35.9;'):
    store.open(35.9e9)
  assert not store.folder.exists()


def test_a_full_disk_is_said_before_anything_is_written(store, monkeypatch):
  usage = lambda path: type('Usage', (), {'free': 100})
  monkeypatch.setattr(feature_store.shutil, 'disk_usage', usage)
  with pytest.raises(OSError, match='choose another --workdir'):
    store.open(1e9)
  store.append([rows(store, 0, 8)])
  store.open(1e9)  # the rest fits
  held = json.loads(
    (store.folder / feature_store.FACTS).read_text(encoding='utf-8')
  )
  assert held['offsets'] == [-1, 1]


def test_a_full_disk_names_the_file(store, full_disk):
  text = f'{feature_store.DATA} could not be written .*; mend the disk'
  with pytest.raises(FileError, match=text):
    store.append([rows(store, 0, 10)])


def test_errors_of_what_is_written_stay_as_they_are(store):
  def fail():
    raise FileNotFoundError(2, 'No such file', 'a.mp4')
    yield

  with pytest.raises(FileNotFoundError, match=r'a\.mp4'):
    store.append(fail())
