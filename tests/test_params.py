"""Prefixes name what they say and nothing else."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from i2v_jax import params as params_lib

TREE = {
  'adapters': {'blocks_1': {'a': jnp.ones(2)}, 'blocks_10': {'a': jnp.ones(3)}},
  'adapters_too': {'a': jnp.ones(5)},
  'head': {'kernel': jnp.ones((2, 2)), 'bias': jnp.ones(2)},
}


@pytest.mark.parametrize(
  ('prefixes', 'count'),
  [
    (('adapters',), 5),
    (('adapters/blocks_1',), 2),
    (('head/bias',), 2),
    (('',), 16),
    (('head', 'adapters_too'), 11),
    ((), 0),
  ],
)
def test_split_takes_whole_path_components(prefixes, count):
  mine, rest = params_lib.split(TREE, prefixes)
  assert params_lib.count(mine) == count
  assert params_lib.count(rest) == 16 - count
  assert jax.tree.structure(params_lib.join(mine, rest)) == jax.tree.structure(
    TREE
  )


@pytest.mark.parametrize(
  'prefix', ['adapter', 'heads', 'head/bias/x', 'blocks_1']
)
def test_a_prefix_that_matches_nothing_raises(prefix):
  with pytest.raises(ValueError, match=repr(prefix)):
    params_lib.split(TREE, ('head', prefix))


def test_one_prefix_may_stand_alone():
  assert params_lib.split(TREE, 'head')[0] == {'head': TREE['head']}
  found, wanted = (params_lib.mask(TREE, p) for p in ('head', ('head',)))
  assert found == wanted
  with pytest.raises(ValueError, match="'heads'"):
    params_lib.split(TREE, 'heads')


def test_an_error_names_the_key_that_a_prefix_stands_in():
  with pytest.raises(ValueError, match=r"^trainable names 'heads'"):
    params_lib.check_prefixes(TREE, ('heads',), 'trainable')


def test_labels_take_the_longest_prefix():
  labels = params_lib.labels(
    TREE, {'': 1, 'adapters': 2, 'adapters/blocks_1': 3}
  )
  assert labels['adapters'] == {'blocks_1': {'a': 3}, 'blocks_10': {'a': 2}}
  assert labels['head'] == {'kernel': 1, 'bias': 1}


def test_mask_serves_optax():
  mask = params_lib.mask(TREE, ('head',))
  tx = optax.masked(optax.scale(0.0), mask)
  updates, _ = tx.update(TREE, tx.init(TREE))
  assert float(updates['head']['bias'].sum()) == 0
  assert float(updates['adapters_too']['a'].sum()) == 5


def test_hash_depends_on_values_names_and_nothing_else():
  value = {'a': np.arange(4.0, dtype='f4')}
  assert params_lib.sha256(value) == params_lib.sha256({'a': jnp.arange(4.0)})
  assert params_lib.sha256(value) != params_lib.sha256({'b': value['a']})
  assert params_lib.sha256(value) != params_lib.sha256({'a': value['a'] + 1})


def test_tree_differences_are_listed():
  found = {'head': {'kernel': np.ones((2, 3))}, 'tail': np.ones(1)}
  with pytest.raises(ValueError, match='does not fit the model') as error:
    params_lib.check_same_tree({'head': TREE['head']}, found, 'file.x')
  text = str(error.value)
  assert '- head/bias (2,) is missing' in text
  assert '+ tail (1,) is not known' in text
  assert '! head/kernel is (2, 3), the model wants (2, 2)' in text


def test_counts_work_on_shapes():
  shapes = jax.eval_shape(lambda: TREE)
  assert params_lib.count(shapes) == 16
  assert params_lib.num_bytes(shapes) == 64
