"""`python -m i2v_jax.cli`: the command `i2v`."""

from i2v_jax.cli import main

main()
