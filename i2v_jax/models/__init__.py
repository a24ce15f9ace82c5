"""Video models: a frozen image model, adapters, and a head.

build: a model from the `model` part of a config; merging adapters away.
video: frame by frame, adapted in the blocks: ZeroI2V, AIM and most others.
detection: the same, for boxes of key frames. roi_align: features of boxes.
dualpath: single frames and framesets through the same frozen blocks.
dualpath_detection: the same, for boxes of key frames.
evl: a decoder over the features of frozen frames.
probe: a query over the tokens of frozen frames.
classifier: what every classifier has. probabilities: what it says of videos.
streaming: live video, frame by frame, exactly as clips.
attention: what the heads of a model look at.
inputs: clips, their shapes, and float32 precision.
macs: multiply-accumulates of a model.
"""
