"""Elements are what they say, and so are placeholders."""

import dataclasses

import numpy as np
import pytest
from batches import GRID, SPEC, evaluate, train

from i2v_jax.data.clips import clips, grid
from i2v_jax.data.loading.loader import Loader
from i2v_jax.data.sets import sources


def test_elements_are_what_they_say(split):
  (batch,) = train(split, stop=1)
  assert {k: (v.shape, v.dtype.str) for k, v in batch.items()} == {
    'video': ((4, 8, 32, 32, 3), '|u1'),
    'label': ((4,), '<i4'),
    'index': ((4,), '<i8'),
    'mask': ((4,), '<f4'),
    'error': ((4,), '|S200'),
  }
  assert batch['label'].tolist() == split.labels[batch['index']].tolist()
  assert batch['mask'].tolist() == [1] * 4 and not batch['error'].any()


def test_a_grid_travels_beside_the_video(split):
  (batch,) = train(split, stop=1, spec=GRID)
  assert batch['video'].shape == (4, 4, 32, 32, 3)
  assert batch['grid'].shape == (4, 2, 32, 32, 3)
  (whole,) = train(split, stop=1)
  np.testing.assert_array_equal(batch['video'], whole['video'][:, ::2])
  for frames, found in zip(whole['video'], batch['grid'], strict=True):
    np.testing.assert_array_equal(found, grid.make_framesets(frames, 2, 2))


def test_a_placeholder_of_a_grid_is_black(split, broken):
  views = dataclasses.replace(GRID, clips=2, crops=3)
  *_, last = evaluate(split, 10, views)
  assert last['index'].tolist() == [*range(10, 16), *[-1] * 4]
  assert last['video'].shape == (10, 6, 4, 32, 32, 3)
  assert last['grid'].shape == (10, 6, 2, 32, 32, 3)
  for name in ('video', 'grid'):
    seen = last[name].any(axis=(1, 2, 3, 4, 5))
    assert last[name].dtype == np.uint8
    np.testing.assert_array_equal(seen, last['mask'])
  uniform = dataclasses.replace(GRID, sampling='uniform')
  bad = Loader(broken, uniform, 'skip').load_clip(1, np.random.default_rng(0))
  assert bad['mask'] == 0 and bad['grid'].shape == (2, 32, 32, 3)
  assert not bad['grid'].any() and not bad['video'].any()


@pytest.mark.parametrize('policy', ['error', 'skip'])
def test_a_bug_is_never_taken_for_a_bad_video(broken, monkeypatch, policy):
  def buggy(frames, size):
    raise IndexError('off by one')

  monkeypatch.setattr(clips, 'center_crop', buggy)
  with pytest.raises(RuntimeError, match=r'h265\.mp4.*off by one'):
    evaluate(broken, 3, on_bad_video=policy)


def test_an_unknown_policy_is_refused(split):
  with pytest.raises(ValueError, match="on_bad_video is 'ignore'"):
    Loader(split, SPEC, 'ignore')


def test_a_name_of_any_bytes_and_length_leaves_the_reason(tmp_path):
  path = f'{tmp_path}/{"long" * 50}\udcfe.mp4'
  gone = sources.Split((path,), np.array([0]), ('a',), ('x',))
  found = Loader(gone, SPEC, 'skip').load_clip(0, np.random.default_rng(0))
  assert found['error'].item().endswith(b'long\xfe.mp4: no such video')
  assert found['error'].item().startswith(b'...')


def test_a_negative_time_is_refused(split):
  with pytest.raises(ValueError, match='clip_seconds is -1'):
    Loader(split, SPEC, seconds=-1)
