"""Spans are read as files are, whoever reads them."""

import dataclasses

import footage
import numpy as np
import pytest
from batches import assert_same, evaluate, together, train
from encoded import encode
from files import write

from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.loading.loader import PADDING, Loader
from i2v_jax.data.loading.parallelism import Parallelism
from i2v_jax.data.sets.background import add_background

SPEC = ClipSpec(4, 32, sampling='uniform', crop_area=(1, 1), flip=0.0)
TABLE = 'file,start,end,label\na,0.4,0.8,run\na,0.6,2,jump\nb,1,2,run|jump\n'


@pytest.fixture(scope='module')
def spans(tmp_path_factory):
  root = tmp_path_factory.mktemp('spans')
  footage.make(root, 'ab', TABLE, 'train.csv')
  split = footage.load(root, file='{split}.csv')
  return add_background(split, 1.0)


def find_frames(element):
  """Numbers of the frames, by their brightness."""
  return (element['video'].mean((-3, -2, -1)) / 8).round().astype(int)


def test_frames_are_those_of_the_span(spans):
  loader = Loader(spans, SPEC)
  for index, (first, last) in enumerate([(6, 11), (9, 29), (15, 29)]):
    clip = loader.load_clip(index, np.random.default_rng(0))
    (view,) = find_frames(loader.load_views(index))
    for frames in (find_frames(clip), view):
      assert first <= frames.min() <= frames.max() <= last
    assert clip['label'] == -1 and clip['targets'].dtype == np.uint8


def test_labels_of_a_clip_are_those_that_hold_for_half_of_it(spans):
  assert spans.class_names == ('jump', 'run')
  near = lambda label: clip['targets'][spans.class_names.index(label)]
  loader, seen = Loader(spans, SPEC), set()
  for seed in range(10):  # of a video, jump from 0.6 s on and run to 0.8 s
    clip = loader.load_clip(0, np.random.default_rng(seed))
    first, last = find_frames(clip)[[0, -1]]
    half = (last + 1 - max(first, 9)) / (last + 1 - first)
    assert near('run') == 1 and near('jump') == (half >= 0.5)
    seen.add(int(near('jump')))
  assert loader.load_clip(1, np.random.default_rng(0))['targets'][0] == 1


def test_a_frame_that_stays_beyond_its_span_keeps_the_labels(tmp_path):
  ticks = [*range(0, 900, 90), 2700]  # 1 a second; the tenth stays for 21
  encode(tmp_path / 'a.mp4', 'libx264', ticks)
  spans = ((7, 10), (9.2, 9.4), (30.9, 31))
  rows = ''.join(f'a,{start},{end},run\n' for start, end in spans)
  write(tmp_path, {'train.csv': f'file,start,end,label\n{rows}'})
  loader = Loader(footage.load(tmp_path, file='{split}.csv'), SPEC)
  for index in range(3):
    clip = loader.load_clip(index, np.random.default_rng(0))
    assert clip['targets'].tolist() == [1]


def test_background_is_where_no_label_is(spans):
  loader, seen = Loader(spans, SPEC), set()
  for index in range(3, 6):
    last = 6 if spans.video_ids[index] == 'a.mp4' else 15
    for seed in range(5):
      clip = loader.load_clip(index, np.random.default_rng(seed))
      frames = find_frames(clip)
      assert frames.max() <= last and not clip['targets'].any()
      seen.add(tuple(frames))
  assert len(seen) > 5  # another one each time
  one, other = (loader.load_views(4) for _ in range(2))
  np.testing.assert_array_equal(one['video'], other['video'])


def test_views_know_how_long_their_span_is(spans):
  loader = Loader(spans, SPEC)
  for index in range(3):  # tables end spans within a frame
    start, end = spans.segments.spans[index]
    seconds = loader.load_views(index)['seconds']
    assert seconds.dtype == np.float32
    assert abs(seconds - (end - start)) <= 1 / footage.FPS + 1e-6
  assert 'seconds' not in loader.load_clip(0, np.random.default_rng(0))


def test_padding_has_no_target(spans):
  padding = Loader(spans, SPEC).load_views(PADDING)
  assert np.isnan(padding['seconds'])
  assert padding['mask'] == 0 and padding['targets'].tolist() == [0, 0]


def test_workers_and_hosts_change_nothing(spans):
  given = dict(stop=3, batch_size=4, spec=SPEC)
  whole = train(spans, **given)
  workers = train(spans, **given, parallel=Parallelism(workers=2))
  assert_same(workers, whole)
  hosts = [
    train(spans, **given, parallel=Parallelism(0, 0, n, 2)) for n in range(2)
  ]
  assert_same(together(hosts), whole)
  assert_same(train(spans, 2, **given), whole[2:])
  wanted = evaluate(spans, 4, SPEC)
  found = evaluate(spans, 4, SPEC, Parallelism(workers=2))
  assert_same(found, wanted)


def test_a_span_outside_its_file_is_a_bad_video(spans):
  moved = dataclasses.replace(spans.segments, spans=spans.segments.spans + 100)
  split = dataclasses.replace(spans, segments=moved)
  element = Loader(split, SPEC, 'skip').load_views(0)
  assert element['mask'] == 0 and b'outside it' in element['error'].item()
