"""The benchmark of many clips, in miniature."""

import json

import pytest
from predict_many import main, measure_memory, read_resident_bytes


@pytest.mark.parametrize('options', [(), ('--memory', '20')])
def test_both_sides_give_the_same_and_are_measured(videos, tmp_path, options):
  clips = [str(videos / name) for name in ('h265.mp4', 'rotated_90.mov')]
  out = tmp_path / 'found.json'
  with pytest.raises(SystemExit, match='0'):
    main(['--clips', *clips, '--rounds', '1', '--out', str(out), *options])
  found = json.loads(out.read_text(encoding='utf-8'))
  if options:
    sizes = found['resident_bytes']
    assert [*sizes] == ['2', '20'] and sizes['20'] > 2**20
    assert read_resident_bytes() > 2**20
  else:
    assert found['ratio'] > 0 and found['clips'] == 2


def test_a_tenth_is_a_video_or_more():
  with pytest.raises(ValueError, match='--memory is 9; it can be an integer'):
    measure_memory(None, [], 9)
