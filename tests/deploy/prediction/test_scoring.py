"""Batches of one size, of windows of many videos, in the order of the list."""

import types

import jax
import numpy as np
import pytest

from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.deploy.prediction import scoring
from i2v_jax.models.probabilities import compute_probabilities


def predict(model, clips, **options):
  return [*model.predict(clips, **options)]


def test_results_are_those_of_each_video_alone(model, clips):
  found = predict(model, clips)
  assert [result.file for result in found] == clips
  for result in found:
    if result.file != clips[3]:
      alone = model.probabilities(result.file)
      np.testing.assert_allclose(result.probabilities, alone, atol=1e-6)
      assert result.top == tuple(model.named(result.probabilities))
      assert result.windows is None and not result.error


def test_a_bad_video_is_one_result(model, clips):
  result = predict(model, clips)[3]
  assert result.error.startswith(f'{clips[3]}: cannot be opened')
  assert result.to_json() == {'file': clips[3], 'error': result.error}
  assert result.top == () and result.windows is None


def test_windows_of_videos_share_batches(model, clips):
  found = predict(model, clips, window=0.3, step=0.1)
  assert [len(r.windows or ()) for r in found] == [2, 8, 4, 0, 6, 3, 5]
  window = found[1].windows[3]
  alone = model.probabilities(clips[1], span=(9, 18))
  assert (window.start, window.end) == pytest.approx((0.3, 0.6))
  np.testing.assert_allclose(window.probabilities, alone, atol=1e-6)
  mean = np.mean([w.probabilities for w in found[1].windows], axis=0)
  np.testing.assert_allclose(found[1].probabilities, mean, atol=1e-6)


def test_nothing_compiles_again_for_another_number(model, clips):
  predict(model, clips[:2])
  compiled = compute_probabilities._cache_size()
  for count in (3, 5, 7):
    predict(model, clips[:count])
    predict(model, clips[:count], window=0.2)
  assert compute_probabilities._cache_size() == compiled


def test_workers_and_no_threads_change_nothing(model, clips):
  wanted = [result.to_json() for result in predict(model, clips, window=0.3)]
  for options in (dict(threads=0), dict(workers=2)):
    found = predict(model, clips, window=0.3, **options)
    assert [result.to_json() for result in found] == wanted


def make_stream(counts, size=2):
  """The events of videos that have so many windows; -1: of a bad one."""
  for file, count in enumerate(counts):
    for number in range(abs(count)):
      views = {'video': np.full(size, 10 * file + number)}
      window = scoring.Window(file, number, abs(count), 0.0, 1.0, views)
      yield window
    yield scoring.End(file, str(file), 'bad' if count < 0 else '')


def fill(counts, size=4, row=0):
  shares = []
  stream = make_stream(counts)
  found = [*filter(None, scoring._fill(stream, size, row, shares.append))]
  assert sum(shares) == pytest.approx(len(counts))
  return found


def test_batches_are_full_until_the_last():
  arrays = [batch['video'][:, 0] for batch, _ in fill([3, 0, 2, 4]) if batch]
  np.testing.assert_array_equal(
    arrays, [[0, 1, 2, 20], [21, 30, 31, 32], [33, 0, 0, 0]]
  )


def test_rows_go_on_where_they_were():
  """What a device computes of a row is the same after an interruption."""
  complete = fill([3, 0, 2, 4, 1])
  rows = {e.path: r for _, events in complete for r, e in events if e[0] > 4}
  ends = {
    event.path: row
    for _, events in complete
    for row, event in events
    if isinstance(event, scoring.End)
  }
  assert not rows and ends == {'0': 3, '1': 3, '2': 1, '3': 1, '4': 2}
  resumed = fill([4, 1], row=ends['2'])
  place = lambda found: [
    row
    for _, events in found
    for row, event in events
    if isinstance(event, scoring.Window)
  ]
  assert place(resumed) == place(complete)[5:]


def test_ends_do_not_wait_for_windows():
  (arrays, events), *later = fill([2, -2, 0, 0])
  assert len(arrays['video']) == 4 and len(events) == 5
  assert [arrays for arrays, _ in later] == [None] * 3
  assert [event.error for _, ((_, event),) in later] == ['bad', '', '']


class Computed:
  """Numbers that are there after a number of looks."""

  def __init__(self, looks):
    self.looks = looks

  def is_ready(self):
    self.looks -= 1
    return self.looks < 0


@pytest.mark.parametrize(
  ('looks', 'wanted'),
  [
    (9, [(0, 4), (1, 7), (2, 10), (3, 12)]),  # with the start of the next
    (1, [(0, 2), (1, 5), (2, 8), (3, 11)]),  # while the next is filled
    (0, [(0, 1), (1, 4), (2, 7), (3, 10)]),
  ],
)
def test_a_batch_is_used_when_it_is_computed(looks, wanted):
  passed, used = [], []

  def start():
    for number in range(4):
      for event in ((number, Computed(looks)), None, None):
        passed.append(event)
        yield event

  for number, _ in scoring._run_ahead(start()):
    used.append((number, len(passed)))
  assert used == wanted


def test_the_size_of_a_batch_is_bounded(model):
  choose = lambda batch, **spec: scoring.choose_size(
    batch, ClipSpec(8, **spec), model.mesh
  )
  assert choose(4, image_size=16) == 4
  assert choose(4, image_size=16, clips=2) == 2
  assert choose(1, image_size=16, clips=3, crops=3) == 1
  assert choose(64, image_size=224) == 2  # a CPU
  gpu = types.SimpleNamespace(platform='gpu')
  mesh = types.SimpleNamespace(
    shape={'data': 2}, devices=np.array([gpu, gpu], object)
  )
  assert scoring.choose_size(64, ClipSpec(8, 224), mesh) == 64
  assert jax.default_backend() == 'cpu'
