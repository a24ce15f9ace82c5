"""Batches of clips, read by threads or worker processes.

pipeline: splits to batches, with grain. balance: every class equally often.
loader: a clip, or all views, of a video. parallelism: who makes them.
window_spans, windows, window_stream: windows of many videos, each frame read
  once.
key_frames: a clip, or the test view, of a key frame with its boxes.
workers, worker: processes that may crash or hang without losing work.
watch: warns which videos are being read when no batch arrives.
bad_videos: the list of videos that could not be read.
"""
