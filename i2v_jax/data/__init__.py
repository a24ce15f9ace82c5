"""Videos on disk -> uint8 clips; nothing here imports JAX.

videos: exact frames of a video file or a folder of images.
live: video as it comes: cameras, addresses, files at their pace.
sets: the videos and labels of a split: lists, folders, public data sets.
clips: sampling, crops and augmentation of an open video.
loading: batches of clips, made by threads or worker processes.
check, prepare, bench, show: the commands of `i2v data`.
"""
