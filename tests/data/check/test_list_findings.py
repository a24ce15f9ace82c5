"""Videos that lists name twice are found, before and without reading them."""

import pytest
import vidtab_shaped

from i2v_jax import cli
from i2v_jax.data.check import list_findings
from i2v_jax.data.check.listed import Listed
from i2v_jax.data.sets import sources


def split_of(rows):
  ids = tuple(video for video, _ in rows)
  labels = [label for _, label in rows]
  return sources.Split(ids, labels, ('ape', 'bee'), ids)


def find(**splits):
  found = list_findings.find(Listed(splits))
  return {finding.kind: finding for finding in found}


def test_a_video_with_two_labels_is_a_problem():
  found = find(test=split_of([('a', 0), ('b', 1), ('a', 1), ('b', 1)]))
  assert [*found] == ['contradiction'] and found['contradiction'].problem
  assert found['contradiction'].rows == [('test', 'a', "'ape' and 'bee'")]
  assert found['contradiction'].text == (
    'listed in test with more than one label: 1 video'
  )


def test_a_training_video_in_the_test_list_is_a_leak():
  train = split_of([('a', 0), ('b', 1)])
  found = find(train=train, test=split_of([('b', 0), ('b', 1), ('c', 0)]))
  assert [*found] == ['contradiction', 'leak'] and found['leak'].problem
  rows = [('train', 'b', ''), ('test', 'b', '')]
  assert found['leak'].rows == rows
  assert found['leak'].text == 'listed in more than one split: 1 video'


def test_nothing_is_said_of_lists_that_are_right():
  assert find(train=split_of([('a', 0)]), test=split_of([('b', 1)])) == {}


@pytest.fixture(scope='module')
def harmful(tmp_path_factory, digits):
  root = tmp_path_factory.mktemp('vidtab')
  clips = sorted(digits.rglob('*.mp4'))
  lists = vidtab_shaped.make(root, 'Harmful_Content', clips)
  path = root / 'Harmful_Content/test.txt'
  path.write_text(lists['test.txt'] + 'test/0_0.mp4 0', encoding='utf-8')
  return root


def test_the_check_of_vidtab_names_its_defects(harmful, tmp_path, capsys):
  options = ['--set=task=Harmful_Content', f'--out={tmp_path / "check"}']
  with pytest.raises(SystemExit) as end:
    cli.main(['data', 'check', '--source', 'vidtab', str(harmful), *options])
  assert end.value.code == 1
  text = ' '.join(capsys.readouterr().out.split())
  for defect in (
    'problem listed in test with more than one label: 1 video',
    "Harmful_Content/videos/test/1_0.mp4: 'violent' and 'obscene'",
    'problem listed in more than one split: 1 video',
    'Harmful_Content/videos/fold1/0_0.mp4',
    'note label_map.txt is a dict of Python, not JSON; it is read as such',
    'note test.txt repeats 1 of its 9 lines; each is read once',
    'note test of VidTAB Harmful_Content: 8 videos here, 1,661 in papers',
  ):
    assert defect in text
