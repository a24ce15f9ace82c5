"""Video models: a frozen image model, adapters, and a head.

build: a model from the `model` part of a config; merging adapters away.
video: frame by frame, adapted in the blocks: ZeroI2V, AIM and most others.
dualpath: single frames and framesets through the same frozen blocks.
evl: a decoder over the features of frozen frames.
inputs: what models take: clips, their shapes, and how exactly they compute.
macs: multiply-accumulates of a model, by formula.
"""
