"""`i2v detect`: actions in given boxes of a video, as a table and drawn."""

import csv
import dataclasses

import boxed as films
import cv2
import numpy as np
import pytest
import small
from encoded import decode_all, encode
from files import write

from i2v_jax import cli
from i2v_jax.data.sets.given_boxes import read_given_boxes
from i2v_jax.data.show.boxed import COLOURS
from i2v_jax.data.videos import decode
from i2v_jax.deploy import detect, export
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import experiment
from i2v_jax.training.evaluation import box_scores

HEAD = 'time,x1,y1,x2,y2,person,score\n'
TABLE = (
  HEAD + '1.0,.1,.1,.4,.9,,1\n0.5,.1,.1,.4,.9,,.5\n0.5,.5,.1,.9,.9,anna,1\n'
)


@pytest.fixture(scope='module')
def model(tmp_path_factory):
  return small.detector(None, tmp_path_factory.mktemp('none'), frames=2)


@pytest.fixture(scope='module')
def exported(model, tmp_path_factory):
  out = tmp_path_factory.mktemp('models') / 'detector'
  export.export_full(model, out)
  return out


@pytest.fixture(scope='module')
def film(tmp_path_factory):
  """A white rectangle on black, 1.333 seconds."""
  return films.write_film(tmp_path_factory.mktemp('films') / 'a.mp4')


@pytest.fixture
def i2v(exported, film, tmp_path, capsys):
  """`i2v(flags…)` -> (exit code, output, errors) of `i2v detect`."""

  def run(*flags, clip=film, table=TABLE, workdir=exported, out='out.csv'):
    write(tmp_path, {'boxes.csv': table})
    argv = ['detect', '--workdir', workdir, clip, '--out', tmp_path / out]
    argv += ['--boxes', tmp_path / 'boxes.csv', *flags]
    with pytest.raises(SystemExit) as end:
      cli.main([str(text) for text in argv])
    return end.value.code, *capsys.readouterr()

  return run


def read_rows(path):
  with path.open(encoding='utf-8') as file:
    return [*csv.DictReader(file)]


def score(model, film, seconds, box):
  """Probabilities of one box, by the pieces that an evaluation has."""
  shares = [np.float32([box])]
  split = films.make_split([film], [seconds], shares)
  split = dataclasses.replace(split, class_names=model.class_names)
  loader = experiment.make_loader(model.config, split, model.spec)
  views = loader.load_views(0)
  batch = {'video': views['video'], 'boxes': views['boxes'][None]}
  name = model.config['data']['normalization']
  found = box_scores.compute_box_scores(model.model, name, model.params, batch)
  return np.asarray(found)[0, 0]


def test_the_table_has_the_actions_of_every_box(i2v, model, film, tmp_path):
  code, said, _ = i2v('--least', 0)
  assert code == 0
  rows = read_rows(tmp_path / 'out.csv')
  assert [*rows[0]] == [*detect.Action._fields]
  assert len(rows) == 3 * 3 and {row['file'] for row in rows} == {str(film)}
  assert [row['time'] for row in rows[::3]] == ['0.5', '0.5', '1.0']
  assert [row['person'] for row in rows[::3]] == ['1', 'anna', '1']
  left, right = (0.1, 0.1, 0.4, 0.9), (0.5, 0.1, 0.9, 0.9)
  wanted = [(0.5, left, 0.5), (0.5, right, 1), (1.0, left, 1)]
  for number, (seconds, box, weight) in enumerate(wanted):
    mine = rows[3 * number : 3 * number + 3]
    scores = weight * score(model, film, seconds, box)
    order = np.argsort(-scores)
    names = [model.class_names[i] for i in order]
    assert [row['label'] for row in mine] == names
    found = [float(row['score']) for row in mine]
    np.testing.assert_allclose(found, scores[order], rtol=0, atol=2e-5)
    sides = [float(mine[0][side]) for side in ('x1', 'y1', 'x2', 'y2')]
    np.testing.assert_allclose(sides, box, atol=1e-5)
  assert 'boxes: 3, key frames: 2, boxes without an action of 0% or' in said
  assert 'written to' in said


def test_a_table_of_ours_is_a_table_of_boxes(i2v, tmp_path):
  assert i2v('--least', 0, '--most', 1)[0] == 0
  table = (tmp_path / 'out.csv').read_text('utf-8')
  code, said, _ = i2v('--least', 0, table=table, out='again.csv')
  assert code == 0 and 'that are not used: label' in ' '.join(said.split())
  rows = read_rows(tmp_path / 'again.csv')
  assert [row['person'] for row in rows[::3]] == ['1', 'anna', '1']


def test_only_the_best_actions_above_a_score_are_told(i2v, tmp_path):
  every = (i2v('--least', 0), read_rows(tmp_path / 'out.csv'))[1]
  scores = sorted(float(row['score']) for row in every)
  middle = (scores[4] + scores[5]) / 2
  code, said, _ = i2v('--least', middle)
  rows = read_rows(tmp_path / 'out.csv')
  assert code == 0 and len(rows) == 4
  assert min(float(row['score']) for row in rows) > middle
  i2v('--least', 0, '--most', 1)
  best = read_rows(tmp_path / 'out.csv')
  assert best == every[::3]
  code, said, _ = i2v('--least', 1)
  assert code == 0 and 'boxes without an action of 100% or more: 3' in said
  assert read_rows(tmp_path / 'out.csv') == []


def test_boxes_without_a_person_are_linked_beside_those_with_one(
  film, tmp_path
):
  lines = [
    f'{t},{x},.1,{x + 0.3:g},.9,{p},'
    for t in (0, 1)
    for x, p in ((0.1, ''), (0.35, '1'), (0.65, ''))
  ]
  write(tmp_path, {'t.csv': HEAD + '\n'.join(lines)})
  found, _ = read_given_boxes(str(tmp_path / 't.csv'), str(film))
  assert detect.name_persons(found) == ['2', '1', '3'] * 2


def test_rows_of_other_videos_are_said(i2v):
  table = 'file,' + TABLE.replace('\n', '\nx/a.mp4,').removesuffix('x/a.mp4,')
  code, said, _ = i2v(table=f'{table}b.mp4,77,0,0,1,1,,\n')
  assert code == 0 and 'rows of other videos' in said and 'csv: 1' in said


@pytest.mark.parametrize(
  ('flags', 'problem'),
  [
    (dict(out='out.txt'), 'end the name in .csv for a table, or in .mp4'),
    (dict(out='none/out.CSV'), 'none does not exist; make the folder'),
    (dict(out='boxes.csv'), 'boxes.csv, which is read; choose another name'),
    (dict(table=HEAD + '7,0,0,1,1,,\n'), 'line 2: time 7 s is after the end'),
    (dict(table=HEAD + '1,.4,0,.1,1,,\n'), 'line 2: x1 0.4 is right of x2 0.1'),
    (dict(table=HEAD + '1,nan,0,.1,1,,\n'), 'line 2: x1 is nan, not a finite'),
    (dict(table=HEAD + '1,0,0,64,64,,\n'), 'so in pixels?'),
    (dict(clip='none.mp4'), 'none.mp4'),
  ],
)
def test_what_is_wrong_is_one_sentence(i2v, film, tmp_path, flags, problem):
  write(tmp_path, {'boxes.csv': TABLE})
  code, _, error = i2v(**flags)
  assert code == 1 and problem in error and len(error.splitlines()) == 2
  left = {path.name for path in tmp_path.iterdir()}
  assert left == {'boxes.csv'}


def test_the_video_is_not_written_over(i2v, film):
  before = film.read_bytes()
  code, _, error = i2v(out=film)
  assert code == 1 and 'which is read' in error
  assert film.read_bytes() == before


@pytest.mark.parametrize(
  'flags', [('--most', '0'), ('--least', '2'), ('--units', 'miles')]
)
def test_numbers_have_their_ranges(i2v, flags):
  code, _, error = i2v(*flags)
  assert code == 2 and flags[0] in error


def test_a_classifier_is_refused(i2v, tmp_path):
  model = small.trained(None, tmp_path, depth=1)
  export.export_full(model, tmp_path / 'model')
  code, _, error = i2v(workdir=tmp_path / 'model')
  assert code == 1
  assert 'classifies complete clips, not boxes; use i2v predict' in error


def test_predict_names_detect(exported, film, capsys):
  with pytest.raises(SystemExit) as end:
    cli.main(['predict', '--workdir', str(exported), str(film)])
  assert end.value.code == 1
  sentence, _ = capsys.readouterr().err.splitlines()
  assert 'boxes' in sentence and 'i2v detect' in sentence


def test_a_video_that_cannot_be_read_is_named(i2v, tmp_path):
  bad = tmp_path / 'bad.mp4'
  bad.write_bytes(b'no video')
  code, _, error = i2v(clip=bad)
  assert code == 1 and 'bad.mp4' in error and len(error.splitlines()) == 2
  assert not (tmp_path / 'out.csv').exists()


def test_pixels_are_those_of_the_video(i2v, tmp_path):
  assert i2v('--least', 0)[0] == 0
  wanted = read_rows(tmp_path / 'out.csv')
  table = HEAD + '0.5,12.8,9.6,51.2,86.4,,.5\n'
  assert i2v('--least', 0, '--units', 'pixels', table=table)[0] == 0
  found = read_rows(tmp_path / 'out.csv')
  assert [dict(row, person='') for row in found] == [
    dict(row, person='') for row in wanted[:3]
  ]


def count_coloured(image, colour):
  return (np.abs(image.astype(int) - colour).max(axis=-1) < 60).sum()


def test_a_drawn_video_shows_the_boxes(i2v, tmp_path):
  """H.264 has even sides; boxes are held half a second, and none is after."""
  path = tmp_path / 'odd.mkv'
  encode(path, 'ffv1', range(0, 270, 9), pixels='bgr0', size=(101, 75))
  table = HEAD + '0.5,.1,.3,.4,.9,,\n0.7,.5,.3,.9,.9,,\n'
  code, said, _ = i2v('--least', 0, clip=path, out='out.mp4', table=table)
  assert code == 0 and 'out.mp4' in said
  images = decode_all(tmp_path / 'out.mp4')
  assert len(images) == 30 and images[0].shape == (76, 102, 3)
  first, second = (
    [count_coloured(image, colour) > 20 for image in images]
    for colour in COLOURS[:2]
  )
  # Ten frames a second, so 0.0 to 1.0 s, and 0.2 to 1.2 s.
  assert first == [True] * 11 + [False] * 19
  assert second == [False] * 2 + [True] * 11 + [False] * 17


def test_a_folder_of_frames_has_the_rate_that_is_given(i2v, film, tmp_path):
  folder = tmp_path / 'frames'
  folder.mkdir()
  for number, image in enumerate(decode_all(film)[::3]):
    bgr = np.ascontiguousarray(image[..., ::-1])
    assert cv2.imwrite(str(folder / f'{number:03}.png'), bgr)
  table = TABLE.replace('1.0,', '1.2,')
  code, _, error = i2v(clip=folder, table=table)
  assert code == 1 and 'the key frame at 1.2' in error
  code, _, _ = i2v('--fps', 10, clip=folder, table=table, out='out.mp4')
  assert code == 0
  with decode.open_video(str(tmp_path / 'out.mp4')) as video:
    assert video.info.frames == 14 and video.info.fps == pytest.approx(10)


def test_a_model_in_memory_is_refused_by_what_it_is(tmp_path, film):
  write(tmp_path, {'t.csv': TABLE})
  found, _ = read_given_boxes(str(tmp_path / 't.csv'), str(film))
  model = small.trained(None, tmp_path, depth=1)
  with pytest.raises(UserError, match='not boxes; use i2v predict'):
    detect.detect(model, film, found)
