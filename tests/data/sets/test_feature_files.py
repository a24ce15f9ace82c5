"""A damaged file of vectors, or another file, is one sentence."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import vectors

from i2v_jax.data.sets import feature_files


@pytest.fixture
def features():
  return vectors.imagine([('a', [1, 0]), ('é', [0.6, 0.8], 1, 2)])


def test_vectors_are_read_with_length_1(features, tmp_path):
  features.vectors[0] *= 5
  path = vectors.write(tmp_path / 'x.npz', features)
  found = feature_files.read(path)
  np.testing.assert_allclose(found.vectors, [[1, 0], [0.6, 0.8]], rtol=1e-6)
  assert found.files == ['a', 'é'] and found.model == vectors.MODEL
  assert found.spans[1].tolist() == [1, 2] and np.isnan(found.spans[0]).all()


def test_a_vector_of_zeros_is_like_nothing(features, tmp_path):
  features.vectors[0] = 0
  found = feature_files.read(vectors.write(tmp_path / 'x.npz', features))
  assert (found.vectors[0] == 0).all()


def test_what_is_no_file_of_vectors(features, tmp_path, golden):
  with pytest.raises(FileNotFoundError, match='write it by i2v features'):
    feature_files.read(tmp_path / 'x.npz')
  with pytest.raises(ValueError, match='no file of vectors: give'):
    feature_files.read(tmp_path / 'x.csv')
  with pytest.raises(ValueError, match='lacks features, file, start, end, mod'):
    feature_files.read(golden / 'timm_positions.npz')
  pq.write_table(pa.table({'file': ['a']}), tmp_path / 'x.parquet')
  with pytest.raises(ValueError, match='lacks features, start, end, model'):
    feature_files.read(tmp_path / 'x.parquet')


@pytest.mark.parametrize('suffix', ['.npz', '.parquet'])
@pytest.mark.parametrize('cut', [0, 10, 300])
def test_a_file_that_was_cut_off_is_damaged(features, tmp_path, suffix, cut):
  path = tmp_path / f'x{suffix}'
  if suffix == '.npz':
    vectors.write(path, features)
  else:
    facts = {'model': json.dumps({})}
    lists = pa.array([[1.0]], pa.list_(pa.float32(), 1))
    columns = {'features': lists, 'file': ['a'], 'start': [0.0], 'end': [1.0]}
    pq.write_table(pa.table(columns).replace_schema_metadata(facts), path)
    assert len(feature_files.read(path)) == 1
  path.write_bytes(path.read_bytes()[:cut])
  with pytest.raises(ValueError, match=r'is damaged .*; write it again by'):
    feature_files.read(path)


def test_values_that_do_not_fit(features, tmp_path):
  features.vectors[1, 0] = np.nan
  path = vectors.write(tmp_path / 'x.npz', features)
  with pytest.raises(ValueError, match='non-finite values, first in row 1'):
    feature_files.read(path)
  with np.load(path) as arrays:
    arrays = dict(arrays) | {'file': np.array(['a'])}
  vectors.save(path, arrays)
  with pytest.raises(ValueError, match='columns differ in length'):
    feature_files.read(path)
