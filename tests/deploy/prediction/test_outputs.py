"""Results are printed or written in order, and go on byte for byte."""

import dataclasses
import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from i2v_jax.data.loading.window_spans import Sliding
from i2v_jax.deploy import predict
from i2v_jax.deploy.prediction import outputs
from i2v_jax.deploy.prediction.journal import Journal
from i2v_jax.deploy.prediction.outputs import Job


def classes(model, clips, windows=None, **options) -> Job:
  return predict.make_job(model, clips, windows, **options)


def timelines(model, clips, **options) -> Job:
  options = dict(window=0.3, step=0.1, threshold={None: 0.2}) | options
  return predict.make_timeline_job(model, clips, **options)


def change_batch(model, size):
  return dataclasses.replace(model, config=model.config | {'batch_size': size})


def interrupt(monkeypatch, job, out, count):
  """Writes so many videos of a job."""
  append, left = Journal.append, iter(range(count))

  def stop(self, data, record):
    if next(left, None) is None:
      raise KeyboardInterrupt
    append(self, data, record)

  with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
    patch.setattr(Journal, 'append', stop)
    predict.run(job, str(out), False, '.vtt')


def test_json_lines_are_in_the_order_of_the_input(model, clips, tmp_path):
  out = tmp_path / 'out.jsonl'
  assert outputs.write_table(classes(model, clips), out) == 1
  found = [json.loads(line) for line in out.read_text('utf-8').splitlines()]
  wanted = [result.to_json() for result in model.predict(clips)]
  assert found == wanted and found[3].keys() == {'file', 'error'}


@pytest.mark.parametrize('make', [classes, timelines])
@pytest.mark.parametrize('suffix', ['.jsonl', '.csv', '.parquet'])
def test_an_interrupted_output_becomes_the_same_bytes(
  model, clips, tmp_path, monkeypatch, suffix, make, capsys
):
  job, wanted = make(model, clips), tmp_path / f'wanted{suffix}'
  failed = predict.run(job, str(wanted), False, '.vtt')
  for count in (1, 4, 6):
    out = tmp_path / f'{count}{suffix}'
    interrupt(monkeypatch, job, out, count)
    capsys.readouterr()
    assert predict.run(job, str(out), False, '.vtt') == failed >= 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == failed and f'error: {clips[3]}' in ' '.join(said)
    assert out.read_bytes() == wanted.read_bytes()
  names = {path.name for path in tmp_path.iterdir()}
  assert not any('.partial' in name for name in names)


def test_windows_are_in_the_same_rows_after_an_interruption(
  model, clips, tmp_path, monkeypatch
):
  seen = []
  describe = lambda scored: seen.append(scored) or outputs_of(scored)
  job = classes(model, clips, Sliding(0.3, 0.1))
  outputs_of = job.describe
  job = Job(**vars(job) | {'describe': describe})
  predict.run(job, str(tmp_path / 'a.jsonl'), False, '')
  wanted = {scored.path: scored.values for scored in seen}
  interrupt(monkeypatch, job, tmp_path / 'b.jsonl', 2)
  seen.clear()
  predict.run(job, str(tmp_path / 'b.jsonl'), False, '')
  assert [scored.path for scored in seen] == clips[2:]
  for scored in seen:
    np.testing.assert_array_equal(scored.values, wanted[scored.path])


def test_an_output_that_is_complete_does_no_work(
  model, clips, tmp_path, monkeypatch, capsys
):
  job, out = classes(model, clips), tmp_path / 'out.csv'
  predict.run(job, str(out), False, '')
  before = out.read_bytes()
  monkeypatch.setattr(job.reading.reader.__class__, '__call__', None)
  assert predict.run(job, str(out), False, '') == 1
  assert out.read_bytes() == before
  assert '7 of 7 videos are done' in capsys.readouterr().out


def test_other_options_are_refused(model, clips, tmp_path):
  out = tmp_path / 'out.jsonl'
  predict.run(classes(model, clips), str(out), False, '')
  for other, said in (
    (classes(model, clips, top=1), 'another top'),
    (classes(model, clips, Sliding(0.3)), 'another windows'),
    (classes(change_batch(model, 3), clips), 'windows_per_batch.*give another'),
    (timelines(model, clips), 'another windows'),
  ):
    with pytest.raises(ValueError, match=said):
      predict.run(other, str(out), False, '')


def test_parquet_is_not_written_twice(model, clips, tmp_path):
  job, out = classes(model, clips[:2]), tmp_path / 'out.parquet'
  predict.run(job, str(out), False, '')
  assert (
    pq.read_table(out)['file'].to_pylist() == [clips[0]] * 3 + [clips[1]] * 3
  )
  with pytest.raises(ValueError, match='exists; give another --out'):
    predict.run(job, str(out), False, '')


def test_subtitles_of_many_videos_are_in_a_folder(
  model, clips, tmp_path, monkeypatch
):
  job, folder = timelines(model, clips), tmp_path / 'subtitles'
  interrupt(monkeypatch, job, folder, 3)
  assert predict.run(job, str(folder), False, '.vtt') == 1
  names = {path.name for path in folder.iterdir()}
  good = {f'{number}.vtt' for number in (0, 1, 2, 4, 5, 6)}
  assert names == good | {'timelines.jsonl', 'timelines.jsonl.progress'}
  assert (folder / '1.vtt').read_text('utf-8').startswith('WEBVTT\n\n1\n')
  with pytest.raises(ValueError, match='another format'):
    predict.run(job, str(folder), False, '.txt')


def test_a_single_video_is_one_file(model, clips, tmp_path, capsys):
  for name, start in (('a.vtt', 'WEBVTT'), ('a.txt', '0.0')):
    path = tmp_path / name
    assert predict.run(timelines(model, clips[1:2]), str(path), False, '') == 0
    assert path.read_text('utf-8').startswith(start)
  long = timelines(model, clips[:1], window=9.0)
  assert predict.run(long, str(tmp_path / 'b.vtt'), False, '') == 1
  assert 'no longer than a window' in capsys.readouterr().err
  assert not (tmp_path / 'b.vtt').exists()


def test_files_of_others_are_not_replaced(model, clips, tmp_path, monkeypatch):
  job, mine = timelines(model, clips[:3]), tmp_path / '1.vtt'
  mine.write_text('mine', encoding='utf-8')
  check = lambda out: predict.check_output(str(out), True, job.clips[1:2], '')
  for refuse in (
    lambda: predict.check_output(str(tmp_path), True, job.clips, '.vtt'),
    lambda: predict.run(job, str(tmp_path), False, '.vtt'),
    lambda: predict.run(timelines(model, clips[:1]), str(mine), False, ''),
    lambda: check(mine),
  ):
    with pytest.raises(ValueError, match=r'1\.vtt exists; give another --out'):
      refuse()
  assert [path.name for path in tmp_path.iterdir()] == ['1.vtt']
  mine.unlink()
  interrupt(monkeypatch, job, tmp_path, 1)  # of 1, the file is written
  written = mine.read_bytes()
  mine.write_text('mine', encoding='utf-8')
  with pytest.raises(ValueError, match='exists, with other content'):
    predict.run(job, str(tmp_path), False, '.vtt')
  mine.write_bytes(written)
  assert predict.run(job, str(tmp_path), False, '.vtt') == 0


def test_endings_in_capitals_are_endings(model, clips, tmp_path):
  for make, name in ((classes, 'A.CSV'), (timelines, 'A.VTT')):
    job, out = make(model, clips[1:2]), tmp_path / name
    predict.check_output(str(out), make is timelines, clips[1:2], '')
    assert predict.run(job, str(out), False, '.vtt') == 0
    assert out.is_file()
  with pytest.raises(ValueError, match='holds one timeline'):
    predict.check_output(str(tmp_path / 'B.VTT'), True, clips, '')


def test_timelines_are_printed(model, clips, capsys):
  assert predict.run(timelines(model, clips[1:2]), None, False, '') == 0
  shown = capsys.readouterr().out
  assert '1.mp4  0:01.0' in shown and '█' in shown
  assert predict.run(timelines(model, clips[1:2]), None, True, '') == 0
  found = json.loads(capsys.readouterr().out)
  assert found['file'] == clips[1] and found['duration'] == 1.0
  python = model.timeline(clips[1], window=0.3, step=0.1, threshold=0.2)
  assert python.to_json() == found


def test_where_timelines_can_be_written(tmp_path):
  check = lambda out, timeline, count: predict.check_output(
    out, timeline, ['a.mp4', 'b.mp4'][:count], '.vtt'
  )
  check(str(tmp_path / 'a.vtt'), True, 1)
  check(str(tmp_path / 'a.csv'), True, 2)
  check(str(tmp_path / 'folder'), True, 2)
  for out, timeline, count, said in (
    ('a.vtt', True, 2, 'holds one timeline, but there are 2 videos'),
    ('a.vtt', False, 1, r'one of \.jsonl, \.csv, \.parquet\.'),
    ('a.srt', True, 1, r'one of .*\.vtt, \.txt'),
    ('folder', False, 1, 'end the name'),
    ('none/folder', True, 2, 'make the folder'),
  ):
    with pytest.raises(ValueError, match=said):
      check(str(tmp_path / out), timeline, count)
