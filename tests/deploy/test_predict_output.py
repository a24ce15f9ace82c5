"""Bars and windows of predictions, without a model."""

import io

import framed
import pytest

from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.loading.window_spans import Sliding
from i2v_jax.data.loading.windows import WindowReader
from i2v_jax.deploy import predict
from i2v_jax.deploy.prediction import results
from i2v_jax.deploy.prediction.results import Prediction


@pytest.mark.parametrize(
  ('share', 'length'), [(1.0, 24), (0.999, 23), (0.5, 12), (0.0, 0)]
)
def test_only_certainty_fills_a_bar(share, length):
  row = predict._make_row({'name': 'a', 'probability': share})
  assert row[2] == '█' * length + '░' * (24 - length)


def test_a_bar_is_ascii_where_it_must_be(monkeypatch):
  monkeypatch.setattr('sys.stdout', io.TextIOWrapper(io.BytesIO(), 'cp1252'))
  row = predict._make_row({'name': 'a', 'probability': 0.5})
  assert row[2] == '#' * 12 + '.' * 12


def show(top, windows=None, **more):
  predict.show_prediction(Prediction('a.mp4', None, top, windows, **more))


def test_a_video_of_no_class_says_so(capsys):
  window = results.WindowResult(0.0, 2.5, None, (('waves', 0.75),))
  show((), (window,))
  said = capsys.readouterr().out
  assert '(no class)' in said and '0.0-2.5' in said and '75.0%' in said


def test_windows_over_a_folder_of_frames_go_by_its_rate(tmp_path):
  folder = str(framed.write(tmp_path / 'clip', framed.numbered(24)))
  spec = ClipSpec(2, 32, sampling='uniform')
  count = lambda fps: len(WindowReader(spec, Sliding(1.0), fps)(folder).seconds)
  assert count(12) == 3 and count(24) == 1
