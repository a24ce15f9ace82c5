"""Predictions of many videos, and over time.

reading: what a trained model reads of videos, and computes of them.
scoring: windows of many videos in batches of one size.
results: classes and probabilities of a video, as Python or JSON.
journal, tables: files that grow by a video at a time, and are resumed.
"""
