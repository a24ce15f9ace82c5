"""Reports of runs and sweeps: one HTML file each, which needs nothing else.

figures: a folder of figures with a docstring of its own.
"""
