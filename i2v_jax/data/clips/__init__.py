"""From an open video to the clip that a model sees.

spec: what decides a clip. clips: makes it, for training and for testing.
sampling: which frames. crops, flips, colour, randaugment: augmentation.
sides: left and right in names of classes, which mirroring exchanges.
grid: frames tiled into framesets.
"""
