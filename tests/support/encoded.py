"""Small videos, made here, and plain decoding of them."""

import fractions
import os

import av
import numpy as np

from i2v_jax.data.videos import pyav


def decode_all(path):
  """Every stored frame by plain decoding from the start, no seeks."""
  with av.open(str(path)) as container:
    return [rgb(frame) for frame in container.decode(video=0)]


def rgb(picture):
  """The pixels of a picture, as FFmpeg's own tools convert them."""
  return pyav.Reformatter().to_rgb(picture)


def encode(
  path,
  codec,
  ticks,
  options=None,
  pixels='yuv420p',
  size=(64, 48),
  muxing=None,
):
  """A small moving picture whose frames are shown at ticks / 90 seconds."""
  width, height = size
  images = []
  for number in range(len(ticks)):
    images.append(np.full((height, width, 3), 5 * number, np.uint8))
    images[-1][8:24, number : number + 16] = 255, 0, 128
  return encode_images(path, codec, images, options, pixels, ticks, muxing)


def encode_images(
  path, codec, images, options=None, pixels='yuv420p', ticks=None, muxing=None
):
  """A video of RGB images, 30 a second if `ticks` does not say otherwise."""
  ticks = range(0, 3 * len(images), 3) if ticks is None else ticks
  policy = os.sched_getscheduler(0)
  with av.open(str(path), 'w', options=muxing or {}) as container:
    stream = container.add_stream(codec, rate=30, options=options or {})
    stream.height, stream.width = images[0].shape[:2]
    stream.pix_fmt = pixels
    stream.codec_context.time_base = fractions.Fraction(1, 90)
    for image, tick in zip(images, ticks, strict=True):
      frame = av.VideoFrame.from_ndarray(image)
      frame.pts, frame.time_base = int(tick), stream.codec_context.time_base
      container.mux(stream.encode(frame))
    container.mux(stream.encode())
  # libsvtav1 makes a real-time thread of the one that calls it, where it may,
  # and of every process that this one starts.
  os.sched_setscheduler(0, policy, os.sched_param(0))
  return path
