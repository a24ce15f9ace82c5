"""The quickstart's smoke test as tests train it, in this or other processes.

It has one block, which is half as much to compile, and a temporal embedding, so
that runs with one are tested.
"""

from configs import quickstart

CHANGES = {
  'model.backbone.depth': 1,
  'model.temporal_embedding': True,
  'trainable': ('temporal_embedding', 'adapters', 'head', 'backbone/ln_post'),
}
FLAGS = ['--config=configs/quickstart.py:smoke']
FLAGS += [f'--config.{key}={value}' for key, value in CHANGES.items()]


def make_config(arg='smoke'):
  config = quickstart.get_config(arg)
  config.update_from_flattened_dict(CHANGES)
  return config
