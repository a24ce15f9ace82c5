"""How numbers and texts are written in pages."""

import re

import pytest

from i2v_jax.training.report import render


def read(markup):
  return re.sub('<[^>]*>', '', str(markup))


@pytest.mark.parametrize(
  ('value', 'text'),
  [(1.0, '100.00'), (0.99999, '99.99'), (0.0, '0.00'), (1e-9, '0.01')],
)
def test_a_bound_is_not_rounded_to_all_or_none(value, text):
  assert read(render.show_bound(value)) == text


def test_one_is_singular():
  assert render.show_views('1 clips x 1 crops') == '1 clip \u00d7 1 crop'
  assert render.show_views('11 clips x 3 crops') == '11 clips \u00d7 3 crops'


def test_values_are_written_as_in_a_config():
  assert read(render.show_value('adamw')) == 'adamw'
  assert read(render.show_value('(a, b)')) == '&#39;(a, b)&#39;'
