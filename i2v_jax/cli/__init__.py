"""The command line `i2v`: one file per family of subcommands.

parser: the whole command line, and `main`.
trained: predict, eval, export, push, pull, status.
weights, data (and data_arguments), sweeps, bench: what their names say.
arguments, numbers: what subcommands share; numbers with their ranges.
"""

from i2v_jax.cli.parser import main

__all__ = ['main']
