"""Batches of clips, read by threads or worker processes.

pipeline: splits to batches, with grain. loader: one clip, or all its views.
workers, worker: processes that may crash or hang without losing the work.
watch: warns which videos are being read when no batch arrives.
bad_videos: the list of videos that could not be read.
"""
