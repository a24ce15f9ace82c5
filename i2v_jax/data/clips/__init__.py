"""From an open video to the clip that a model sees.

spec: how clips are made. clips: makes them, for training and for testing.
spec_values: what each of its values may be. key_frame_views: which of them go
  with boxes, and the frames that are tested with boxes.
sampling: the frames of a clip. crops, flips, colour, randaugment: augmentation.
boxes: boxes that go through it with the frames.
sides: left and right in class names, which mirroring exchanges.
grid: frames tiled into framesets.
"""
