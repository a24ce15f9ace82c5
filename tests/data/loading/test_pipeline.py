"""The same stream whoever makes it, and no video lost or counted twice."""

import dataclasses
import os
import pathlib
import signal

import numpy as np
import pytest
from batches import (
  BROKEN,
  PLAIN,
  SPEC,
  assert_same,
  evaluate,
  order_of,
  together,
  train,
)
from cursed import Cursed
from processes import children

from i2v_jax.data.loading import pipeline
from i2v_jax.data.loading.loader import Loader
from i2v_jax.data.loading.parallelism import Parallelism
from i2v_jax.data.videos.decode import DecodeError


@pytest.mark.parametrize('threads', [1, 4])
def test_threads_change_nothing(split, threads):
  wanted, found = train(split), train(split, parallel=Parallelism(threads))
  assert_same(found, wanted)
  wanted, found = (
    evaluate(split, 5, parallel=p) for p in (PLAIN, Parallelism(threads))
  )
  assert_same(found, wanted)


@pytest.mark.parametrize('workers', [1, 2, 4])
def test_workers_change_nothing(split, workers):
  found = train(split, parallel=Parallelism(workers=workers))
  assert_same(found, train(split))


def test_workers_change_nothing_in_evaluation(broken):
  options = dict(batch_size=2, on_bad_video='skip')
  found = evaluate(broken, parallel=Parallelism(workers=2), **options)
  assert_same(found, evaluate(broken, **options))


def stream(loader, stop=1000, **parallel):
  return pipeline.load_train_batches(
    loader, 4, seed=0, start=0, stop=stop, parallel=Parallelism(**parallel)
  )


def test_workers_load_no_jax_and_end_with_who_reads_them(split):
  before = children()
  batches = stream(Loader(split, SPEC), workers=2)
  assert children() == before  # until somebody reads
  next(batches)
  (one, two) = set(children()) - set(before)
  for pid in (one, two):
    maps = pathlib.Path(f'/proc/{pid}/maps').read_text(encoding='utf-8')
    assert 'cv2' in maps and 'jax' not in maps and 'grain' not in maps
  batches.close()
  assert children() == before


def test_a_worker_killed_from_outside_changes_nothing(split):
  before = children()
  batches = stream(Loader(split, SPEC), stop=6, workers=2)
  found = [next(batches)]
  for pid in set(children()) - set(before):
    os.kill(pid, signal.SIGKILL)
  assert_same([*found, *batches], train(split))


def test_a_clip_that_hangs_or_crashes_costs_only_itself(split):
  loader = Cursed(split, SPEC, 'skip', seconds=1)
  found = list(stream(loader, stop=4, workers=2))
  for batch, wanted in zip(found, train(split, stop=4), strict=True):
    np.testing.assert_array_equal(batch['index'], wanted['index'])
    np.testing.assert_array_equal(
      batch['mask'], ~np.isin(batch['index'], [3, 5])
    )
    good = batch['mask'] > 0
    np.testing.assert_array_equal(batch['video'][good], wanted['video'][good])
  said = {
    i: e for b in found for i, e in zip(b['index'], b['error'], strict=True)
  }
  assert b'took longer than 2 s; its worker was killed' in said[3]
  assert b'two worker processes died of it: ended by SIGABRT' in said[5]
  assert split.paths[3].encode() in said[3]
  with pytest.raises(DecodeError, match=r"longer|SIGABRT.*on_bad_video='skip'"):
    list(stream(Cursed(split, SPEC, seconds=1), stop=4, workers=2))


@pytest.mark.parametrize('step', [0, 3, 5, 6])
def test_a_run_goes_on_where_it_stopped(split, step):
  parts = train(split, 0, step) + train(split, step, 6)
  assert_same(parts, train(split, 0, 6))


def test_a_run_goes_on_with_other_workers_and_hosts(split):
  hosts = [
    train(split, 3, 6, parallel=Parallelism(0, shard=i, num_shards=2))
    for i in range(2)
  ]
  begun = train(split, 0, 3, parallel=Parallelism(workers=2))
  assert_same([*begun, *together(hosts)], train(split))


@pytest.mark.parametrize('num_shards', [1, 2])
def test_repeats_are_other_clips_of_the_same_videos(split, num_shards):
  hosts = [
    train(split, 0, 8, parallel=Parallelism(0, 0, i, num_shards), repeats=2)
    for i in range(num_shards)
  ]
  batches = together(hosts)
  order = np.reshape(order_of(batches), (16, 2))
  assert (order[:, 0] == order[:, 1]).all()
  assert sorted(order[:, 0]) == [*range(16)]
  assert order[:, 0].tolist() == order_of(train(split, stop=4))
  for batch in batches:
    assert (batch['video'][::2] != batch['video'][1::2]).any((1, 2, 3, 4)).all()
  with pytest.raises(
    ValueError, match='repeats is 3; it must divide the batch size 4'
  ):
    train(split, repeats=3)


def test_hosts_share_every_batch(split):
  hosts = [
    train(split, parallel=Parallelism(0, shard=i, num_shards=2))
    for i in range(2)
  ]
  assert {len(batch['index']) for host in hosts for batch in host} == {2}
  assert_same(together(hosts), train(split))


@pytest.mark.parametrize('batch_size', [4, 3])
def test_every_video_comes_once_an_epoch_in_another_order(split, batch_size):
  batches = train(split, stop=48 // batch_size, batch_size=batch_size)
  epochs = np.reshape(order_of(batches), (3, 16))
  assert (np.sort(epochs) == np.arange(16)).all()
  assert len({tuple(epoch) for epoch in epochs.tolist()}) == 3
  clips_of = {}
  for batch in batches:
    for index, clip in zip(batch['index'], batch['video'], strict=True):
      clips_of.setdefault(int(index), set()).add(clip.tobytes())
  assert all(len(seen) == 3 for seen in clips_of.values())  # drawn again


def test_the_seed_decides_the_order_and_the_clips(split):
  one, other = train(split, stop=4), train(split, stop=4, seed=1)
  assert order_of(one) != order_of(other)
  alone = dataclasses.replace(  # of which there is one order only
    split, paths=split.paths[:1], ids=split.ids[:1], labels=split.labels[:1]
  )
  one, other = (train(alone, stop=1, seed=s)[0]['video'] for s in (0, 1))
  assert (one != other).any(axis=(1, 2, 3, 4)).all()


@pytest.mark.parametrize('num_shards', [1, 2])
@pytest.mark.parametrize(('batch_size', 'steps'), [(4, 4), (6, 3), (32, 1)])
def test_evaluation_sees_every_video_once(split, batch_size, steps, num_shards):
  spec = dataclasses.replace(SPEC, clips=2, crops=3)
  hosts = [
    evaluate(split, batch_size, spec, Parallelism(0, 0, i, num_shards))
    for i in range(num_shards)
  ]
  assert [len(batches) for batches in hosts] == [steps] * num_shards
  batches = together(hosts)
  padding = batch_size * steps - 16
  assert order_of(batches) == [*range(16), *[-1] * padding]
  for batch in batches:
    assert batch['video'].shape == (batch_size, 6, 8, 32, 32, 3)
    real = batch['index'] >= 0
    np.testing.assert_array_equal(batch['mask'], real)
    wanted = split.labels[batch['index']]
    np.testing.assert_array_equal(batch['label'], np.where(real, wanted, -1))
    assert not batch['video'][~real].any() and not batch['error'].any()
    assert batch['video'][real].any(axis=(1, 2, 3, 4, 5)).all()


@pytest.mark.parametrize('threads', [0, 2])
def test_a_bad_video_is_an_error_that_names_it(broken, threads):
  with pytest.raises(DecodeError, match=r"corrupted\.mp4.*bad_video='skip'"):
    evaluate(broken, 3, parallel=Parallelism(threads))
  gone = dataclasses.replace(broken, paths=('/none.mp4',) * 3)
  with pytest.raises(DecodeError, match=r'/none\.mp4.*no such video'):
    evaluate(gone, 3, parallel=Parallelism(threads))


def test_a_bad_video_can_be_masked(broken):
  (batch,) = evaluate(broken, 3, on_bad_video='skip')
  assert batch['mask'].tolist() == [1, 0, 1]
  assert batch['label'].tolist() == [0, 2, 1]
  seen = batch['video'].any(axis=(1, 2, 3, 4, 5))
  assert seen.tolist() == [True, False, True]
  assert [bool(text) for text in batch['error']] == [False, True, False]
  assert b'corrupted.mp4: frame ' in batch['error'][1]
  element = Loader(broken, BROKEN, 'skip').load_clip(
    1, np.random.default_rng(0)
  )
  assert element['mask'] == 0 and not element['video'].any()


def test_a_batch_must_spread_over_the_hosts(split):
  three = Parallelism(num_shards=3)
  with pytest.raises(ValueError, match=r'batch of 4 .* 3 hosts'):
    train(split, parallel=three)
  with pytest.raises(ValueError, match=r'batch of 4 .* 3 hosts'):
    evaluate(split, 4, parallel=three)


def test_what_cannot_be_is_refused(split):
  for name in ('threads', 'workers', 'stall_seconds'):
    with pytest.raises(ValueError, match=f'loader.{name} is -1'):
      Parallelism(**{name: -1})
  with pytest.raises(ValueError, match='repeats is 0; it must divide'):
    train(split, repeats=0)
  with pytest.raises(
    ValueError, match='3 steps are already done, more than the total of 2'
  ):
    train(split, start=3, stop=2)


@pytest.mark.parametrize('repeats', [1, 2])
def test_versions_come_again_in_turn(split, repeats):
  options = dict(versions=2, repeats=repeats)
  batches = train(split, 0, 16, **options)  # each of 16 videos four times
  plain = train(split, 0, 16, repeats=repeats)
  np.testing.assert_array_equal(order_of(batches), order_of(plain))
  seen = {}
  for batch in batches:
    for index, clip in zip(batch['index'], batch['video'], strict=True):
      seen.setdefault(int(index), []).append(clip)
  for one, other, again, last in seen.values():
    np.testing.assert_array_equal(one, again)
    np.testing.assert_array_equal(other, last)
    assert (one != other).any()
  assert_same(train(split, 0, 16, parallel=Parallelism(2), **options), batches)
  hosts = [
    train(split, 0, 16, parallel=Parallelism(0, 0, i, 2), **options)
    for i in range(2)
  ]
  assert_same(together(hosts), batches)


def test_all_versions_are_listed_by_the_row_that_training_asks_for(split):
  loader = Loader(split, SPEC)
  rows = list(
    pipeline.load_version_batches(
      loader, 5, seed=0, versions=3, start=2, parallel=PLAIN
    )
  )
  rows = {k: np.concatenate([batch[k] for batch in rows]) for k in rows[0]}
  assert len(rows['index']) == 50  # 46, the last one again
  np.testing.assert_array_equal(rows['index'][:46], np.arange(2, 48) // 3)
  row_at = pipeline.make_stored_order(split, 0, 1, 3)
  shown = train(split, 0, 12, versions=3)
  for position, clip in enumerate(np.concatenate([b['video'] for b in shown])):
    if (row := row_at(position) - 2) >= 0:
      np.testing.assert_array_equal(rows['video'][row], clip)
