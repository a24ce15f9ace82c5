"""From an open video to the clip that a model sees.

spec: how clips are made. clips: makes them, for training and for testing.
sampling: the frames of a clip. crops, flips, colour, randaugment: augmentation.
sides: left and right in class names, which mirroring exchanges.
grid: frames tiled into framesets.
"""
