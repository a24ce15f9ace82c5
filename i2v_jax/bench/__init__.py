"""What a config costs: counted, measured, compared.

costs: `i2v bench --config`, all of it; measure: what it runs; table: its table.
timing: how measurements are made. peaks: what devices could do.
published: what papers say of costs, and what ours are.
compare: `i2v compare`: methods beside each other.
topology: memory of a training step on TPUs that are not here.
"""
