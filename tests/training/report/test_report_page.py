"""The page of a run: what it says, and that it asks for no other file."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import reported
from browsed import Page
from paths import ROOT

from i2v_jax.data.sets import key_frames
from i2v_jax.runtime.errors import MissingFileError
from i2v_jax.training import report
from i2v_jax.training.evaluation import boxes, detection_tables

OLDER = ROOT / 'tests/golden/from_44cb18a/run'
DAMAGED = (
  'config.json',
  'heartbeat-0.json',
  'data.json',
  'costs.json',
  'eval/scores.npz',
)


@pytest.fixture(scope='module')
def run(tmp_path_factory):
  folder = tmp_path_factory.mktemp('reported') / 'run'
  return folder, reported.make_run(folder)


@pytest.fixture(scope='module')
def page(run):
  return Page(report.make_report(run[0]))


def test_every_element_is_closed_and_every_table_has_headings(page):
  assert page.open == []
  headings = [found for tag, found in page.tags if tag == 'th']
  assert headings and all('scope' in found for found in headings)
  buttons = [f for f in headings if 'aria-sort' in f]
  assert len(buttons) > 8


def test_the_page_asks_for_nothing(page):
  metas = [found for tag, found in page.tags if tag == 'meta']
  policy = next(m['content'] for m in metas if 'http-equiv' in m)
  assert "default-src 'none'" in policy and 'img-src data:' in policy
  assert "'unsafe-inline'" not in policy.partition('script-src')[2]
  for tag, found in page.tags:
    assert tag not in ('link', 'iframe', 'object', 'base', 'form')
    for key in ('src', 'href', 'action', 'srcset', 'xlink:href'):
      assert found.get(key, '#').startswith(('#', 'data:image/jpeg;base64,'))
    assert 'url(' not in found.get('style', '')
    assert not any(key.startswith('on') for key in found)


def test_numbers_are_those_of_the_evaluation_to_the_last_digit(run, page):
  known = json.loads((run[0] / 'eval/report.json').read_text())
  for name, value in known['accuracy'].items():
    assert page.rows[f'eval/{name}'][0] == value
    assert f'{100 * value:.2f} %' in page.text
  numbers = [f['value'] for tag, f in page.tags if tag == 'data']
  for name in ('calibration_error', 'calibration_error_calibrated'):
    assert repr(known[name]) in numbers
    assert name not in page.text  # it is told in words
  assert known['split_sha256'] in page.text


def test_numbers_are_those_of_the_log_to_the_last_digit(run, page):
  lines = (run[0] / 'metrics.jsonl').read_text().splitlines()
  records = [json.loads(line) for line in lines]
  for name in ('loss', 'grad_norm', 'lr', 'accuracy', 'step_seconds'):
    values = [record[name] for record in records if name in record]
    first, last, least, _, most, _ = page.rows[name]
    assert (first, last) == (values[0], values[-1])
    assert (least, most) == (min(values), max(values))


def test_names_are_shown_and_not_interpreted(page):
  for name in reported.NAMES:
    assert ' '.join(name.split()) in page.text
  scripts = [tag for tag, _ in page.tags if tag == 'script']
  assert len(scripts) == 1
  assert 'moov atom not found <b>' in page.text
  assert '49' not in page.text.partition("it's ")[2][:9]  # 7 * 7


def test_what_was_counted_is_said_with_its_interval(run, page):
  known = json.loads((run[0] / 'eval/report.json').read_text())
  top1 = known['accuracy']['top1']
  assert f'{100 * top1:.2f} % top-1 on 59 videos' in page.text
  assert 'with 95 % confidence' in page.text
  assert 'always naming the largest class gives' in page.text
  assert 'Resumed at step 20' in page.text
  assert '1 evaluated video could not be read' in page.text


def test_strips_show_frames_or_say_that_the_video_is_missing(page):
  images = [found for tag, found in page.tags if tag == 'img']
  assert images and len(images) % 4 == 0
  assert 'No frames: the video is missing' in page.text
  assert page.text.count('A strip shows 4 frames at equal distances') == 1


def test_data_that_has_moved_is_found(run, tmp_path):
  moved = shutil.copytree(run[0], tmp_path / 'run')
  config = json.loads((moved / 'config.json').read_text())
  config['data']['root'] = '/nowhere'
  (moved / 'config.json').write_text(json.dumps(config))
  (moved / 'data.json').unlink()
  assert 'data:image/jpeg' in report.make_report(moved, run[0].parent / 'data')


def test_a_run_of_an_older_version_has_a_page():
  page = Page(report.make_report(OLDER))
  assert '25.00 % top-1 at step 4' in page.text
  assert 'there is no folder eval' in page.text and 'Step 4 of 4' in page.text
  assert page.rows['loss'][0] == 1.3791534900665283


def test_what_a_run_was_compared_with_is_told(run, tmp_path):
  folder = shutil.copytree(run[0], tmp_path / 'run')
  rows = [
    {'method': 'linear_probe', 'tunable_params': 26, 'top1': 0.125},
    {'method': 'zeroi2v', 'tunable_params': 344, 'top1': 0.875},
    {'method': 'zeroi2v_merged', 'tunable_params': 38, 'top1': 0.875},
  ]
  (folder / 'results.json').write_text(json.dumps(rows))
  (folder / 'linear_probe').mkdir()
  (folder / 'linear_probe/report.html').write_text('')
  page = Page(report.make_report(folder))
  assert page.rows['linear_probe'] == [0.125, 26]
  links = [f['href'] for tag, f in page.tags if tag == 'a']
  assert [x for x in links if x[0] != '#'] == ['linear_probe/report.html']
  assert 'zeroi2v (this run)' in page.text
  (folder / 'results.json').write_text('[{"method"')
  text = report.make_report(folder)
  assert 'results.json cannot be read' in text and '(this run)' not in text


def test_a_config_file_of_ones_own_was_not_run(run, tmp_path):
  folder = shutil.copytree(run[0], tmp_path / 'run')
  start = {'step': 0, 'command': 'python -m i2v_jax.main --config mine.py'}
  (folder / 'starts.jsonl').write_text(json.dumps(start) + '\n')
  page = Page(report.make_report(folder))
  assert 'The file mine.py was not run; below are the keys' in page.text
  assert not any(tag == 'details' and 'open' in f for tag, f in page.tags)


def test_a_run_that_has_just_begun_has_a_page(tmp_path):
  shutil.copy(OLDER / 'config.json', tmp_path)
  page = Page(report.make_report(tmp_path))
  assert 'Not evaluated yet' in page.text


def test_files_that_are_cut_off_are_left_out_and_said(run, tmp_path):
  folder = shutil.copytree(run[0], tmp_path / 'run')
  for name in DAMAGED:
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: len(data) // 2])
  page = Page(report.make_report(folder))
  assert 'Some files of this run could not be read' in page.text
  assert [name for name in DAMAGED if f'{name} cannot' not in page.text] == []
  assert page.rows['eval/top1']  # what is known is still shown


def test_a_folder_without_a_run_is_named(tmp_path):
  with pytest.raises(MissingFileError, match='holds no run'):
    report.make_report(tmp_path)


def test_several_labels(tmp_path):
  reported.make_run(tmp_path / 'run', task='multi', examples=40, steps=2)
  page = Page(report.make_report(tmp_path / 'run'))
  known = json.loads((tmp_path / 'run/eval/report.json').read_text())
  assert page.rows['eval/mAP'] == [known['accuracy']['mAP'], 39]
  assert 'the most probable class is none of theirs' in page.text
  assert 'threshold' in page.text


def test_boxes(tmp_path):
  rows = key_frames.make_rows([('a', '0902')], np.ones((1, 4)), [0], [0.5])
  facts = {'unit': 'key frames', 'listed': 4, 'decoded': 4, 'failed': 0}
  table = [detection_tables.ClassRow(reported.CURSED, 3, 0.123456789)]
  found = boxes.BoxEvaluation(
    rows,
    {'mAP': 0.125, 'mAP_small': 0.25},
    table,
    (),
    facts | {'missing': 0},
    {},
  )
  split = type('Split', (), {'class_names': (reported.CURSED,)})
  boxes.write_evaluation(found, split, tmp_path / 'eval')
  page = Page(report.make_report(tmp_path))
  assert '12.50 % mAP on 4 key frames' in page.text
  assert page.rows['eval/mAP_small'] == [0.25, 4]
  assert reported.CURSED in page.text and '12.3 %' in page.text


def test_timelines(tmp_path):
  reported.make_run(
    tmp_path / 'run', names=('jump', 'run'), examples=20, steps=2
  )
  part = {'class': 'jump', 'start': 1.0, 'end': 2.5, 'score': 0.9}
  found = [
    {'file': '/data/<a>.mp4', 'duration': 9.0, 'segments': [part]},
    {'file': '/data/b.mp4', 'error': 'b.mp4 is too short'},
  ]
  known = {'temporal_mAP': {'0.5': 0.5}, 'listed': 3, 'files': found}
  (tmp_path / 'run/eval/timeline.json').write_text(json.dumps(known))
  page = Page(report.make_report(tmp_path / 'run'))
  assert '3 segments are listed in 2 files' in page.text
  assert '/data/<a>.mp4' in page.text and 'b.mp4 is too short' in page.text


def test_many_classes_make_a_small_page(tmp_path):
  names = [f'class number {number}' for number in range(400)]
  reported.make_run(tmp_path / 'run', names, examples=1200, steps=3)
  text = report.make_report(tmp_path / 'run')
  assert len(text.encode()) < 1_500_000
  assert 'Pairs that are confused most' in text
  assert 'Which class is taken for which' not in text


def test_the_command_writes_the_page_without_jax(run, tmp_path):
  program = (
    'import sys; from i2v_jax import cli\n'
    'try: cli.main(sys.argv[1:])\n'
    'finally: print(sorted({"jax", "flax", "orbax"} & set(sys.modules)))'
  )
  out = tmp_path / 'page.html'
  words = ['report', '--workdir', str(run[0]), '--out', str(out)]
  done = subprocess.run(
    [sys.executable, '-c', program, *words], capture_output=True, text=True
  )
  assert done.stdout.splitlines() == [f'written to {out}', '[]'], done.stderr
  assert out.read_text(encoding='utf-8').startswith('<!doctype html>')
  assert not list(tmp_path.glob('*.new'))


def test_names_that_are_no_text_are_shown(tmp_path):
  shutil.copy(OLDER / 'config.json', tmp_path)
  name = b'video,reason\n\xff\xfe.mp4,broken\n'
  (tmp_path / 'bad_videos.csv').write_bytes(name)
  path = report.write_report(tmp_path)
  assert re.search(r'\?\?\.mp4', path.read_text(encoding='utf-8'))
