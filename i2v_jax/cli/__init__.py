"""The command line `i2v`: one file per family of subcommands.

parser: the complete command line, and `main`.
trained: `i2v predict`, `eval`, `export`, `push`, `pull`, `status`.
sweeps: `i2v sweep` and `i2v compare`.
weights, data, bench: `i2v weights`, `i2v data`, `i2v bench`; data_arguments: those
  of `i2v data`.
arguments: groups of subcommands, and options that several of them have.
numbers: numbers with their ranges.
"""

from i2v_jax.cli.parser import main

__all__ = ['main']
