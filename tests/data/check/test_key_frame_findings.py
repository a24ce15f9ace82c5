"""A check of key frames opens each video once, and knows where they end."""

import json

import ava_shaped
import pytest

from i2v_jax.data.check import all_videos, findings
from i2v_jax.data.check.key_frame_findings import find
from i2v_jax.data.check.listed import Listed
from i2v_jax.data.sets import manifest, sources
from i2v_jax.runtime.errors import UserError


def read_kinds(out):
  lines = (out / 'findings.csv').read_text(encoding='utf-8').splitlines()
  return {line.partition(',')[0] for line in lines[1:]}


@pytest.mark.parametrize(('movies', 'count'), [('cut', 3), ('seconds', 12)])
def test_every_file_is_checked_once(tmp_path, movies, count, capsys):
  root = ava_shaped.make(tmp_path / 'ava', movies)
  listed = all_videos.list_source('ava', str(root), {'movies': movies})
  assert all_videos.run(listed, tmp_path / 'out', count=1)
  header, records = manifest.read(tmp_path / 'out/manifest.jsonl')
  assert len({record['id'] for record in records}) == len(records) == count
  split = sources.load_split('ava', root, 'val', movies=movies)
  assert header['splits']['val']['fingerprint'] == split.fingerprint()
  assert 'count' in read_kinds(tmp_path / 'out')  # AVA has 235 and 64 movies
  assert '235 in papers' in capsys.readouterr().out.replace('\n', ' ')


def test_a_manifest_is_that_of_the_videos(tmp_path):
  root = ava_shaped.make(tmp_path / 'ava')
  listed = all_videos.list_source('ava', str(root), {})
  all_videos.run(listed, tmp_path / 'out', count=1)
  file = tmp_path / 'out/manifest.jsonl'
  manifest.require(file, listed.splits.values())
  lines = file.read_text(encoding='utf-8').splitlines()
  kept = [
    line for line in lines if '_Ca3g' not in json.loads(line).get('id', '')
  ]
  file.write_text('\n'.join(kept), encoding='utf-8')
  with pytest.raises(UserError, match=r"'videos/_Ca3gOdOHxU.mp4' is not in"):
    manifest.require(file, listed.splits.values())


def check(root, duration, **options):
  splits = {'val': sources.load_split('ava', root, 'val', **options)}
  listed = Listed(splits, 'ava', str(root), options)
  good = {'ok': True, 'duration': duration}
  return {f.kind: f for f in find(listed, dict.fromkeys(listed.paths, good))}


def test_key_frames_past_the_end_are_found(tmp_path):
  root = ava_shaped.make(tmp_path)
  assert check(root, 2.0) == {}
  found = check(root, 1.5)['late']
  assert found.problem and found.text.endswith(': 1')
  assert found.rows == [('val', '_Ca3gOdOHxU@0902', '1.500 s long')]


def test_movies_that_are_not_cut_are_found(tmp_path):
  root = ava_shaped.make(tmp_path)
  assert check(root, 901.0) == {}
  assert "set movies='whole'" in check(root, 5000.0)['whole'].text
  assert check(root, 5000.0, movies='whole') == {}


def test_findings_are_about_boxes(tmp_path):
  root = ava_shaped.make(tmp_path)
  splits = {s: sources.load_split('ava', root, s) for s in ('train', 'val')}
  listed = Listed(splits, 'ava', str(root))
  good = {'ok': True, 'duration': 4.0, 'frames': 32, 'cut_short': False}
  records = {video: good | {'sha256': video} for video in listed.paths}
  found = {finding.kind: finding for finding in findings.find(listed, records)}
  assert {*found} == {'empty_class', 'count'}
  assert 'without a box in val: 77 of 80 classes' in found['empty_class'].text
