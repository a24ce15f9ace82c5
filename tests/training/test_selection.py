"""Which evaluation a run reports: the last, unless the best is asked for."""

import json

import pytest

from i2v_jax.runtime.errors import UserError
from i2v_jax.training import selection

LAST = {'top1': 0.5, 'top5': 0.9}


@pytest.fixture
def workdir(tmp_path):
  records = [
    {'step': 1, 'loss': 2.0},
    {'step': 5, 'val/top1_1view': 0.4, 'val/top5_1view': 0.8},
    {'step': 10, 'val/top1_1view': 0.7, 'val/top5_1view': 0.7},
    {'step': 15, 'val/top1': 0.5, 'val/top5': 0.9},
  ]
  text = '\n'.join(map(json.dumps, records)) + '\n'
  (tmp_path / 'metrics.jsonl').write_text(text, encoding='utf-8')
  return tmp_path


def config(step, crops=1):
  views = {'clips': 1, 'crops': crops}
  return {'report_step': step, 'views': views, 'data': {'val': 'test'}}


def choose(step, workdir, last=LAST):
  return selection.choose_accuracy(config(step), workdir, last)


def test_the_last_step_counts(workdir):
  assert choose('last', workdir) == LAST


def test_the_best_is_one_evaluation_not_the_best_of_each_number(workdir):
  assert choose('best', workdir) == {'top1': 0.7, 'top5': 0.7}
  text = selection.describe_choice(config('best'), workdir, LAST)
  assert text == (
    'best of 3 evaluations, chosen on test: top1 70.0% '
    '(after the last step 50.0%)'
  )


def test_the_last_may_be_the_best(workdir):
  best = {'top1': 0.8, 'top5': 0.9}
  assert choose('best', workdir, best) == best


def test_evaluations_of_other_views_are_not_compared():
  selection.check(config('best'))
  selection.check(config('last', crops=3))
  with pytest.raises(UserError, match=r'set views\.clips and views\.crops to'):
    selection.check(config('best', crops=3))
