"""Arrays in pickles are read, and nothing in them is called."""

import os
import pickle

import numpy as np
import pytest

from i2v_jax.data.sets import numpy_pickle
from i2v_jax.runtime.errors import MissingFileError, UserError

# {'v,0902': np.array([[.125, .25, .5, 1., .75]])} by Python 2 and numpy 1.
PYTHON_2 = (
  b"(dp0\nS'v,0902'\np1\ncnumpy.core.multiarray\n_reconstruct\np2\n"
  b"(cnumpy\nndarray\np3\n(I0\ntp4\nS'b'\np5\ntp6\nRp7\n(I1\n(I1\nI5\ntp8\n"
  b"cnumpy\ndtype\np9\n(S'f8'\np10\nI0\nI1\ntp11\nRp12\n(I3\nS'<'\np13\nNNNI-1"
  b"\nI-1\nI0\ntp14\nbI00\nS'\\x00\\x00\\x00\\x00\\x00\\x00\\xc0?\\x00\\x00\\x00"
  b'\\x00\\x00\\x00\\xd0?\\x00\\x00\\x00\\x00\\x00\\x00\\xe0?\\x00\\x00\\x00\\x00'
  b"\\x00\\x00\\xf0?\\x00\\x00\\x00\\x00\\x00\\x00\\xe8?'\np15\ntp16\nbs."
)


class Evil:
  """A pickle of it would make a folder."""

  def __init__(self, path):
    self.path = str(path)

  def __reduce__(self):
    return os.mkdir, (self.path,)


def test_a_pickle_of_python_2_is_read(tmp_path):
  (tmp_path / 'p.pkl').write_bytes(PYTHON_2)
  found = numpy_pickle.read(tmp_path / 'p.pkl')
  assert found['v,0902'].tolist() == [[0.125, 0.25, 0.5, 1, 0.75]]


@pytest.mark.parametrize('protocol', range(6))
def test_arrays_of_every_protocol_are_read(tmp_path, protocol):
  value = {b'a': np.eye(2), 'b': [np.float32(2), (1, None, 'x')]}
  (tmp_path / 'p.pkl').write_bytes(pickle.dumps(value, protocol))
  found = numpy_pickle.read(tmp_path / 'p.pkl')
  assert found[b'a'].tolist() == [[1, 0], [0, 1]]
  assert found['b'] == value['b']


def test_the_older_place_of_the_functions_of_numpy_is_known(tmp_path):
  data = pickle.dumps(np.eye(2), 2)
  for name in (b'numpy.core.multiarray', b'numpy._core.multiarray'):
    plain = data.replace(b'numpy._core.multiarray', name)
    (tmp_path / 'p.pkl').write_bytes(plain)
    assert numpy_pickle.read(tmp_path / 'p.pkl').tolist() == [[1, 0], [0, 1]]


def test_nothing_is_called(tmp_path):
  made = tmp_path / 'made'
  (tmp_path / 'p.pkl').write_bytes(pickle.dumps([np.eye(2), Evil(made)]))
  with pytest.raises(UserError, match=r'p\.pkl was not read: .* \w+\.mkdir,'):
    numpy_pickle.read(tmp_path / 'p.pkl')
  assert not made.exists()


def test_bytes_are_not_decoded_by_any_codec(tmp_path):
  data = b"c_codecs\nencode\n(S'x'\nS'rot13'\ntR."
  (tmp_path / 'p.pkl').write_bytes(data)
  with pytest.raises(UserError, match="bytes are written in 'rot13'"):
    numpy_pickle.read(tmp_path / 'p.pkl')


@pytest.mark.parametrize('data', [b'', PYTHON_2[:200], b'no pickle', b'I1\n'])
def test_damage_is_one_sentence(tmp_path, data):
  (tmp_path / 'p.pkl').write_bytes(data)
  with pytest.raises(UserError, match=r'p\.pkl is no complete pickle'):
    numpy_pickle.read(tmp_path / 'p.pkl')


def test_a_missing_file_is_named(tmp_path):
  with pytest.raises(MissingFileError, match=r'p\.pkl does not exist'):
    numpy_pickle.read(tmp_path / 'p.pkl')
