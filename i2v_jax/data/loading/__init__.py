"""Batches of clips, read by threads or worker processes.

pipeline: splits to batches, with grain. loader: a clip, or all views, of a
  video.
workers, worker: processes that may crash or hang without losing work.
watch: warns which videos are being read when no batch arrives.
bad_videos: the list of videos that could not be read.
"""
