"""Videos that cannot be read are counted, listed, and too many stop a run."""

import csv

import numpy as np
import pytest
from batches import evaluate

from i2v_jax.data.loading.bad_videos import BadVideos
from i2v_jax.data.videos.decode import DecodeError


def test_bad_videos_are_counted_once_and_listed(broken, tmp_path):
  (batch,) = evaluate(broken, 3, on_bad_video='skip')
  bad = BadVideos(broken, 0.0, tmp_path / 'bad.csv')  # one is always allowed
  for _ in range(3):
    kept = bad.absorb(dict(batch))
    assert kept.keys() == batch.keys() - {'error'}
  assert list(bad.reasons) == ['corrupted.mp4']
  with (tmp_path / 'bad.csv').open(newline='') as file:
    header, row, *more = csv.reader(file)
  assert header == ['video', 'reason'] and not more
  assert row[0] == 'corrupted.mp4' and 'cannot be decoded' in row[1]


def test_without_a_bad_video_there_is_no_list(split, tmp_path):
  bad = BadVideos(split, 0.5, tmp_path / 'bad.csv')
  for batch in evaluate(split, 5):
    bad.absorb(batch)
  assert not bad.reasons and not (tmp_path / 'bad.csv').exists()


@pytest.mark.parametrize(('share', 'cap'), [(0.0, 1), (0.25, 4), (0.26, 5)])
def test_too_many_bad_videos_stop_the_run(split, share, cap):
  bad = BadVideos(split, share)
  batch = lambda i: {'index': np.array([i]), 'error': np.array([b'torn'], 'S9')}
  for index in range(cap):
    bad.absorb(batch(index))
  with pytest.raises(DecodeError, match=rf'{cap + 1} of 16 .*first: torn'):
    bad.absorb(batch(cap))


def batch_of(*indices, error=b''):
  return {
    'index': np.array(indices),
    'error': np.array([error] * len(indices), 'S99'),
  }


def test_a_run_goes_on_after_its_videos_are_mended(split, tmp_path):
  path = tmp_path / 'bad.csv'
  first = BadVideos(split, 0.0, path)
  with pytest.raises(DecodeError, match=r'2 of 16 .*all are in .*bad\.csv'):
    first.absorb(batch_of(1, 2, error=b'torn'))
  again = BadVideos(split, 0.0, path)
  assert len(again.reasons) == 2
  again.absorb(batch_of(1, 2))
  again.absorb(batch_of(1, error=b'torn'))  # is known, and there already
  with pytest.raises(DecodeError, match='3 of 16'):
    again.absorb(batch_of(3, error=b'torn'))


def test_a_full_disk_is_told_with_the_file(split, tmp_path, full_disk):
  bad = BadVideos(split, 0.5, tmp_path / 'bad.csv')
  bad.absorb(batch_of(1, error=b'torn'))
  before = (tmp_path / 'bad.csv').read_text(encoding='utf-8')
  text = r'bad\.csv could not be written .*; mend the disk and start'
  with pytest.raises(OSError, match=text):
    bad.absorb(batch_of(2, error=b't' * 99))
  assert (tmp_path / 'bad.csv').read_text(encoding='utf-8') == before


def test_reasons_may_be_any_bytes(split, tmp_path):
  bad = BadVideos(split, 0.5, tmp_path / 'bad.csv')
  bad.absorb(batch_of(1, error=b'\xfe.mp4'))
  again = BadVideos(split, 0.5, tmp_path / 'bad.csv')
  assert again.reasons == bad.reasons == {split.ids[1]: '\udcfe.mp4'}
