"""Image models; nothing of video is in them.

image_model: what the rest of the library asks of an image model.
description: an image model in words.
vit_config: sizes of the image ViT, and what families of models differ in.
vit: the image ViT of CLIP, ImageNet, DINOv2 and SigLIP.
swin_config, swin: stages and windows of a Swin, and the Swin.
positions: position tables for another image size.
attention: softmax attention, and which implementation a platform gets.
macs: multiply-accumulates of attention, and what is counted.
declared: parameters that are cheap to look up, and linear layers.
custom_vjp: functions with hand-written gradients that need less memory.
normalization: mean and standard deviation of pixels, by name.
"""
