"""Many runs and one table.

sweep: trains the variants of a config in turn. preview: what is known of their
rows before. seeds: several seeds of a variant, mean and deviation.
"""
