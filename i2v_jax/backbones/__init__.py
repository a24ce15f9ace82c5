"""Image models; nothing of video is in them.

vit_config: sizes of the image ViT, and what families of models differ in.
vit: the image ViT of CLIP, ImageNet, DINOv2 and SigLIP.
attention: softmax attention, and which implementation a platform gets.
custom_vjp: functions with hand-written gradients that need less memory.
normalization: mean and deviation of the pixels that a model was trained on.
"""
