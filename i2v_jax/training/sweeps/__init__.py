"""Many runs and one table.

sweep: trains the variants of a config in turn. folders: the names of their
folders. preview: their costs and errors before training. seeds: several seeds
of a variant, mean and deviation. paired: differences to one of them.
correlation: with the order of a paper's rows. cells: a table of tasks, each a
mean over folds.
"""
