"""The command line `i2v`: one file per family of subcommands.

parser: the complete command line, and `main`.
predictions, prediction_arguments: `i2v predict`, `i2v features`.
attention: `i2v attention`. stream: `i2v stream`.
neighbours: `i2v neighbours`.
trained: `i2v eval`, `detect`, `export`, `push`, `pull`, `status`.
report: `i2v report`.
sweeps: `i2v sweep` and `i2v compare`. probe: `i2v probe`.
weights, bench: `i2v weights`, `i2v bench`.
data, data_arguments: `i2v data` and the arguments of its subcommands.
arguments: groups of subcommands, and options that several of them have.
numbers: numbers with their ranges. models: the model that a command uses.
"""

from i2v_jax.cli.parser import main

__all__ = ['main']
