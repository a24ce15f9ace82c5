"""`i2v features`: files of vectors, resumed, with what is bad."""

import dataclasses
import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from i2v_jax import cli
from i2v_jax.data.sets import feature_files
from i2v_jax.deploy import features
from i2v_jax.deploy.prediction import encoders
from i2v_jax.deploy.prediction.journal import Journal


@pytest.fixture
def clips(videos):
  names = ('h265.mp4', 'README.md', 'rotated_90.mov', 'arm_wrestling.mp4')
  return [str(videos / name) for name in names]


@pytest.fixture
def encoder():
  return encoders.encode_with_image_model('builtin:digits', None, 1.0, None)


def test_a_row_says_where_it_is_from(encoder, clips, tmp_path, capsys):
  assert features.write_features(encoder, clips, tmp_path / 'x.npz') == 1
  said = capsys.readouterr()
  assert '1 of 4 videos bad' in said.out and 'README.md' in said.err
  with np.load(tmp_path / 'x.npz') as found:
    wanted = np.concatenate(
      [s.values for s in encoder.encode(clips) if not s.error]
    )
    np.testing.assert_array_equal(found['features'], wanted)
    assert found['features'].dtype == np.float32
    files = [clips[0], clips[2], *[clips[3]] * 19]
    assert found['file'].tolist() == files
    assert found['start'][:3].tolist() == [0, 0, 0]
    assert found['end'][-1] == 10 and found['start'][-1] == 9
    (error,) = found['errors'].tolist()
    assert error.startswith(clips[1])
    facts = json.loads(found['model'].item())
  assert facts['weights'] == 'builtin:digits' and facts['per'] == 'window'
  assert [path.name for path in tmp_path.iterdir()] == ['x.npz']


@pytest.mark.parametrize('suffix', ['.npz', '.parquet'])
def test_an_interrupted_file_becomes_the_same_bytes(
  encoder, clips, tmp_path, monkeypatch, suffix
):
  wanted, out = tmp_path / f'wanted{suffix}', tmp_path / f'out{suffix}'
  features.write_features(encoder, clips, wanted)
  append, left = Journal.append, iter(range(2))

  def stop(self, data, record):
    if next(left, None) is None:
      raise KeyboardInterrupt
    append(self, data, record)

  with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
    patch.setattr(Journal, 'append', stop)
    features.write_features(encoder, clips, out)
  larger = dataclasses.replace(encoder, batch_size=9)
  with pytest.raises(ValueError, match='another windows_per_batch'):
    features.write_features(larger, clips, out)
  assert features.write_features(encoder, clips, out) == 1
  assert out.read_bytes() == wanted.read_bytes()
  with pytest.raises(ValueError, match='exists; give'):
    features.write_features(encoder, clips, out)


def test_parquet_has_the_same_columns(encoder, clips, tmp_path, monkeypatch):
  monkeypatch.setattr(features, 'AT_ONCE', 2000)
  features.write_features(encoder, clips, tmp_path / 'x.parquet')
  features.write_features(encoder, clips, tmp_path / 'x.npz')
  table = pq.read_table(tmp_path / 'x.parquet')
  with np.load(tmp_path / 'x.npz') as found:
    for name in ('file', 'start', 'end'):
      assert table[name].to_pylist() == found[name].tolist()
    vectors = np.array(table['features'].to_pylist(), np.float32)
    np.testing.assert_array_equal(vectors, found['features'])
    facts = table.schema.metadata
    assert facts[b'model'].decode() == found['model'].item()
    assert json.loads(facts[b'errors']) == found['errors'].tolist()
  one, other = (
    feature_files.read(tmp_path / f'x{s}') for s in features.SUFFIXES
  )
  np.testing.assert_array_equal(one.vectors, other.vectors)
  np.testing.assert_array_equal(one.spans, other.spans)
  assert one.files == other.files and one.model == other.model


def test_a_complete_clip_has_no_times(clips, tmp_path):
  encoder = encoders.encode_with_image_model('builtin:digits', None, None, None)
  features.write_features(encoder, clips[:1], tmp_path / 'X.NPZ')
  with np.load(tmp_path / 'X.NPZ') as found:
    assert np.isnan(found['start']).all() and np.isnan(found['end']).all()


def test_bad_videos_alone_give_a_file_without_rows(encoder, clips, tmp_path):
  for name in ('x.npz', 'x.parquet'):
    assert features.write_features(encoder, clips[1:2], tmp_path / name) == 1
  with np.load(tmp_path / 'x.npz') as found:
    assert found['features'].shape == (0, 64)
  for name in ('x.npz', 'x.parquet'):
    with pytest.raises(ValueError, match='holds no vector: every video was'):
      feature_files.read(tmp_path / name)


@pytest.mark.parametrize(
  ('arguments', 'said'),
  [
    ((), 'Give --workdir for a trained model, or --weights'),
    (('--workdir=a', '--weights=b'), 'a is neither the workdir of a run'),
    (('--workdir=a', '--image-size=32'), '--image-size is of an image model'),
    (('--workdir=a', '--mirror'), '--mirror is of an image model'),
    (('--weights=builtin:digits', '--per=window'), '--per window needs'),
  ],
)
def test_options_of_the_command(arguments, said, clips, tmp_path, capsys):
  out = f'--out={tmp_path / "x.npz"}'
  with pytest.raises(SystemExit, match='1'):
    cli.main(['features', clips[0], out, *arguments])
  assert said in capsys.readouterr().err


def test_the_command_writes_vectors(clips, tmp_path, capsys):
  out = tmp_path / 'x.npz'
  arguments = ['--weights=builtin:digits', f'--out={out}', '--part=2/2']
  with pytest.raises(SystemExit, match='1'):
    cli.main(['features', *clips, *arguments])
  assert f'{out}: 1 vectors of 64' in capsys.readouterr().out
