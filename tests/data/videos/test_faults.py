"""A bug is never called a broken video; too large a video never ends a run."""

import av
import numpy as np
import pytest
from encoded import encode

from i2v_jax.data.check import findings, one_video
from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.loading.loader import Loader
from i2v_jax.data.prepare import staging
from i2v_jax.data.sets import sources
from i2v_jax.data.videos import decode, faults, packets, pyav
from i2v_jax.data.videos.resize import compute_size
from i2v_jax.deploy import trained

SPEC = ClipSpec(num_frames=4, stride=1, image_size=32, short_side=32)
BUGS = [AttributeError('no field_order'), TypeError('metadata_errors')]


@pytest.fixture
def clip(tmp_path):
  return str(encode(tmp_path / 'a.mp4', 'libx264', range(0, 12, 3)))


def loader(path, spec=SPEC):
  split = sources.Split((path,), np.array([0]), ('a',), (path,))
  return Loader(split, spec, 'skip')


def load(path, spec=SPEC):
  return loader(path, spec).load_clip(0, np.random.default_rng(0))


USES = {
  'check': one_video.check_file,
  'train': load,
  'test': lambda path: loader(path).load_views(0),
  'prepare': lambda path: staging.store(path, None),
  'predict': lambda path: trained.Trained.probabilities(None, path, SPEC),
}


def fail(monkeypatch, error):
  def failing(*_):
    raise error

  monkeypatch.setattr(pyav, 'open_file', failing)


@pytest.mark.parametrize('error', BUGS, ids=repr)
@pytest.mark.parametrize('use', USES)
def test_what_a_library_raises_unexpectedly_is_our_bug(
  clip, monkeypatch, use, error
):
  fail(monkeypatch, error)
  with pytest.raises(
    faults.BugError, match=r'a\.mp4: a bug of i2v_jax'
  ) as told:
    USES[use](clip)
  assert av.__version__ in str(told.value) and repr(error) in str(told.value)


@pytest.mark.parametrize('error', [MemoryError(), OSError(5, 'disk'), None])
def test_what_a_video_brings_about_is_its_own_fault(clip, monkeypatch, error):
  fail(monkeypatch, error or packets.DecodeError(f'{clip}: is broken'))
  expected = {MemoryError: 'takes more memory', OSError: 'disk'}
  expected = expected.get(type(error), 'is broken').encode()
  for found in (load(clip), loader(clip).load_views(0)):
    assert found['mask'] == 0 and expected in found['error'].item()
  assert expected.decode() in one_video.check_file(clip)['reason']
  with pytest.raises((packets.DecodeError, OSError), match=expected.decode()):
    staging.store(clip, None)


def test_a_ribbon_is_refused_before_it_takes_gigabytes(tmp_path):
  path = str(encode(tmp_path / 'a.mkv', 'ffv1', [0, 3], {}, size=(16000, 2)))
  info = decode.probe(path)
  assert (info.height, info.width) == (2, 16000)
  reason = r'16000 x 2 pixels would become 2048000 x 256'
  with (
    decode.open_video(path) as video,
    pytest.raises(decode.DecodeError, match=rf'a\.mkv: frames of {reason}'),
  ):
    video.read([0], short_side=256)
  spec = ClipSpec(num_frames=2, stride=1, image_size=224)
  assert b'2048000' in load(path, spec)['error'].item()
  record = one_video.check_file(path)
  assert record['ok']
  split = loader(path).split
  listed = findings.Listed({'val': split}, spec=spec)
  found = [f for f in findings.find(listed, {path: record}) if f.problem]
  assert [finding.kind for finding in found] == ['too_large']
  assert '2048000' in found[0].rows[0][2]


def test_what_shrinks_is_never_too_large():
  assert compute_size(9000, 9000, 8000) == (8000, 8000)
  assert compute_size(1, 1, 224) == (224, 224)
  with pytest.raises(ValueError, match='would become'):
    compute_size(1, 400, 224)


def test_the_smallest_frames_are_read(tmp_path):
  path = str(encode(tmp_path / 'a.mkv', 'ffv1', [0, 3], {}, size=(1, 1)))
  assert load(path)['mask'] == 1
