"""Loads the trained model that a command uses."""


def load_model(args, root: str = ''):
  """Loads the model of `--workdir`; the user's cache keeps its programs."""
  from i2v_jax.deploy import trained
  from i2v_jax.runtime import compilation

  compilation.cache_for_user()
  return trained.load(args.workdir, weights=args.weights, root=root)
