"""Videos on disk -> uint8 clips; nothing here imports JAX.

videos: exact frames of a file, or of a folder of images.
sets: which videos are in a split: lists, folders, public data sets.
clips: from an open video to what the model sees: frames, crops, colours.
loading: batches of clips: threads, worker processes, hosts.
check, prepare, bench, show: the commands of `i2v data`.
"""
