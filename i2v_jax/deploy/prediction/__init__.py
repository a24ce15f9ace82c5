"""Predictions of many videos, and over time.

reading: what a trained model reads of videos, and computes of them.
scoring: windows of many videos in batches of one size.
results: classes and probabilities of a video, as Python or JSON.
timeline, timeline_rules: segments of a video; the windows and rules of a model.
timeline_bars, timeline_formats: as shown in a terminal, and as subtitles.
encoders: vectors of a trained model or an image model.
outputs: results printed or written. journal, tables: files that grow by a video
  at a time, and are resumed.
"""
