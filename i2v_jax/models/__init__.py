"""Video models: a frozen image model, adapters, and a head.

build: a model from the `model` part of a config; merging adapters away.
video: frame by frame, adapted in the blocks: ZeroI2V, AIM and most others.
dualpath: single frames and framesets through the same frozen blocks.
evl: a decoder over the features of frozen frames.
detection: boxes in place of clips, frame by frame.
roi_align: features of boxes.
dualpath_detection: boxes in single frames and framesets.
classifier: what every classifier has.
inputs: clips, their shapes, and float32 precision.
macs: multiply-accumulates of a model.
"""
