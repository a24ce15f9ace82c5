"""Reads the same frames with other libraries, one thread each.

None of them is needed otherwise, and each is imported on use.
"""

import numpy as np


def read_decord(path: str, indices: np.ndarray) -> np.ndarray:
  """Reads frames with decord: uint8 RGB [n, H, W, 3]."""
  import decord

  reader = decord.VideoReader(path, ctx=decord.cpu(0), num_threads=1)
  return reader.get_batch(indices).asnumpy()


def read_opencv(path: str, indices: np.ndarray) -> np.ndarray:
  """Reads frames with OpenCV, which seeks once and then grabs every frame."""
  import cv2

  threads = [cv2.CAP_PROP_N_THREADS, 1]
  capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG, threads)
  try:
    found = _grab(capture, sorted(set(indices.tolist())))
  finally:
    capture.release()
  return np.stack([found[index] for index in indices.tolist()])


def _grab(capture, wanted: list[int]) -> dict[int, np.ndarray]:
  import cv2

  capture.set(cv2.CAP_PROP_POS_FRAMES, wanted[0])
  found, at = {}, wanted[0]
  for index in wanted:
    for _ in range(index - at):
      capture.grab()
    read, image = capture.read()
    if not read:
      raise RuntimeError(f'reads no frame {index}')
    found[index], at = cv2.cvtColor(image, cv2.COLOR_BGR2RGB), index + 1
  return found


def read_torchcodec(path: str, indices: np.ndarray) -> np.ndarray:
  """Reads frames with torchcodec, in its default exact mode."""
  from torchcodec.decoders import VideoDecoder

  decoder = VideoDecoder(path, dimension_order='NHWC', num_ffmpeg_threads=1)
  return decoder.get_frames_at(indices.tolist()).data.numpy()


READERS = {
  'decord': read_decord,
  'OpenCV': read_opencv,
  'torchcodec': read_torchcodec,
}
