"""A video that is not in a file of vectors is encoded as those that are."""

import shutil

import pytest

from i2v_jax import cli
from i2v_jax.data.sets import feature_files
from i2v_jax.deploy import features, neighbours, query
from i2v_jax.deploy.prediction import encoders

DIGITS = 'builtin:digits'


@pytest.fixture
def written(digits, tmp_path):
  clips = [str(clip) for clip in sorted(digits.glob('val/*/*.mp4'))[:3]]
  encoder = encoders.encode_with_image_model(
    DIGITS, 'window', 0.4, None, mirror=True
  )
  features.write_features(encoder, clips, tmp_path / 'x.npz')
  return feature_files.read(tmp_path / 'x.npz')


def test_a_copy_is_nearest_to_its_video(written, tmp_path, capsys):
  clip = written.files[0]
  copy = shutil.copy(clip, tmp_path / 'copy.mp4')
  found = query.encode_query(written, str(copy), weights=DIGITS)
  mine = written.list_of_file(clip)
  assert found.spans.tolist() == written.spans[mine].tolist()
  nearest = neighbours.find_neighbours(found, written, 1)
  assert [pair.other for pair in nearest] == mine.tolist()
  assert {pair.similarity for pair in nearest} == {1.0}
  command = ['neighbours', written.path, f'--query={copy}']
  with pytest.raises(SystemExit, match='0'):
    cli.main([*command, f'--weights={DIGITS}'])
  assert f'Nearest to {copy}' in capsys.readouterr().out


def test_another_model_and_a_bad_video_are_refused(written, smoke_run, videos):
  bad = str(videos / 'README.md')
  with pytest.raises(ValueError, match=f'give --weights {DIGITS}'):
    query.encode_query(written, bad, str(smoke_run), None)
  with pytest.raises(ValueError, match=r'README\.md'):
    query.encode_query(written, bad, weights=DIGITS)
  other = written.choose([0])
  other.model['sha256'] = 'another'
  with pytest.raises(ValueError, match='of different models: sha256'):
    query.encode_query(other, other.files[0], weights=DIGITS)


def test_a_run_whose_weights_moved_encodes(smoke_run, digits, tmp_path, capsys):
  clip, *_ = sorted(map(str, digits.glob('val/*/*.mp4')))
  copy, out = shutil.copy(clip, tmp_path / 'copy.mp4'), tmp_path / 'x.npz'
  for command in (
    ['features', clip, f'--out={out}'],
    ['neighbours', str(out), f'--query={copy}'],
  ):
    command += [f'--workdir={smoke_run}']
    with pytest.raises(SystemExit, match='1'):
      cli.main([*command, '--weights=gone'])
    assert 'gone' in capsys.readouterr().err
    with pytest.raises(SystemExit, match='0'):
      cli.main([*command, '--weights=random'])
