"""After training: models are loaded, used, exported and shared.

trained: a trained model from a workdir, an export or an adapter file.
release: video models as their authors published them.
predict: named actions in videos.
export: our own files; clip_format, stablehlo: files for other programs.
inspection: what a file of weights is. convert: published weights as our own.
model_card, hub: what is said of a model, and where it is shared.
"""
