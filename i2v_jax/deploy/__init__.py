"""After training: loads, uses, exports and shares models.

trained: a trained model from a workdir, an export or an adapter file.
evaluation: its evaluation, repeated. temporal: of timelines, where segments
  are listed.
predict: classes and timelines of many videos; features: their vectors.
neighbours: what is similar by these. query: a video encoded as they were.
prediction/: what both are made of. stream/: what cameras show, as it comes.
detect: actions in boxes of a video, as `i2v detect` finds them.
attention/: where a model looks in a clip, as `i2v attention` draws it.
tracks, drawn_video: the boxes of one person, and a video with them drawn.
export: exports in our own formats.
clip_format, stablehlo, stablehlo_stream: exports for other programs.
release: video models as their authors published them.
convert: published weights in our own formats.
inspection: what a file of weights holds.
model_card, hub: exports on the Hugging Face hub.
"""
