"""Bars and windows of predictions, without a model."""

import io
import types

import framed
import numpy as np
import pytest

from i2v_jax.deploy import predict


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


def test_windows_over_a_folder_of_frames_go_by_its_rate(tmp_path, capsys):
  folder = framed.write(tmp_path / 'clip', framed.numbered(24))
  spans = []
  model = types.SimpleNamespace(
    spec=None,
    model=types.SimpleNamespace(num_boxes=0),
    config={'data': {'fps': 12}},
    probabilities=lambda video, spec, span: spans.append(span) or np.ones(1),
    named=lambda p: [('a', float(p[0]))],
  )
  run = lambda **fps: predict.predict_all(
    model, [folder], window=1.0, as_json=True, **fps
  )
  assert run() == 0 and spans == [(0, 12), (6, 18), (12, 24)]
  spans.clear()
  assert run(fps=24) == 0 and spans == [(0, 24)]
  assert run(fps=-1) == 1
  assert 'fps is -1' in capsys.readouterr().err
