"""Values of files are of the kinds that are counted on."""

import numpy as np
import pytest

from i2v_jax.training.report import checks


def test_what_is_missing_or_null_is_fine_unless_it_is_needed():
  found = {'step': 3, 'loss': None, 'other': object()}
  checks.check_kinds(found, ('step',), number=('step', 'loss', 'time'))
  with pytest.raises(ValueError, match='has no loss'):
    checks.check_kinds(found, ('step', 'loss'))


@pytest.mark.parametrize('value', ['3', True, float('nan'), [3], {}])
def test_a_number_is_finite_and_no_text(value):
  with pytest.raises(ValueError, match=r'step is .*, no number'):
    checks.check_kinds({'step': value}, number=('step',))


def test_measures_may_be_nan_but_not_text_or_none():
  checks.check_measures({'mAP': 0.5, 'mAP_small': float('nan')}, 'accuracy')
  for found in ({}, [], None, {'mAP': None}, {'mAP': '0.5'}):
    with pytest.raises(ValueError, match=r'no measures|no number'):
      checks.check_measures(found, 'accuracy')


def test_an_array_has_its_shape_and_kind():
  checks.check_array(np.zeros((2, 3), np.float32), (2, 3), 'f')
  for shape, kinds in (((2,), 'f'), ((2, 3), 'iu')):
    with pytest.raises(ValueError, match='for'):
      checks.check_array(np.zeros((2, 3)), shape, kinds)
