"""From a table of segments to a timeline of videos that were never seen.

The demo in miniature (configs/footage_quickstart.py): one digit at a time, to
the right or to the left. The full demo is in docs/long_videos.md.
"""

import pytest

from configs import footage_quickstart
from i2v_jax.deploy import temporal, trained
from i2v_jax.deploy.prediction import timeline_rules
from i2v_jax.runtime import compilation
from i2v_jax.training import experiment, loop


@pytest.fixture
def optimized(monkeypatch):
  """XLA optimises the training step: worth it for hundreds of steps."""
  options = dict(
    xla_backend_optimization_level=3, xla_llvm_disable_expensive_passes=False
  )
  options |= compilation.OPTIONS.get('cpu', {})
  monkeypatch.setitem(compilation.OPTIONS, 'cpu', options)


@pytest.mark.slow
@pytest.mark.usefixtures('optimized')
def test_timelines_find_what_moves_and_nothing_where_all_is_still(tmp_path):
  config = footage_quickstart.get_config()
  config.data.root = str(tmp_path / 'footage')
  config.data.options = dict(num_train=12, num_val=2, minutes=4.0, most=1)
  config.data.options.motions = ('moves right', 'moves left')
  config.data.background = 1.0
  config.clip.flip, config.clip.flip_labels = 0.0, False
  config.batch_size, config.steps, config.optimizer.lr = 16, 360, 5e-3
  loop.train_and_evaluate(config.lock(), tmp_path / 'run')
  model = trained.load(tmp_path / 'run')
  val = experiment.load_split(model.config, 'val')
  windows = timeline_rules.choose_windows(model)
  rules = timeline_rules.make_rules(model, min_length=1.0)
  found = temporal.evaluate_timeline(model, val, windows, rules)
  still, moving = found.timelines
  assert found.mean_precision[0.5] > 0.9
  assert len(moving.segments) >= 5 and not still.segments
