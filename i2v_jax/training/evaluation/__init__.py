"""Exact evaluation: every video counted once.

evaluate: scores of a split, its report and files. metrics: accuracy of scores.
"""
