"""The clip whose attention is shown."""

import dataclasses
import pathlib
from collections.abc import Mapping

import numpy as np

from i2v_jax.data.clips import clips
from i2v_jax.data.videos.decode import FPS, open_video
from i2v_jax.deploy.trained import Trained


@dataclasses.dataclass(frozen=True)
class Clip:
  """One clip of a video, as prediction's first view takes it.

  Attributes:
    name: of the video.
    arrays: what the model takes, uint8, with an axis for one clip.
    frames: all frames of the clip, uint8 [T, H, W, 3].
    numbers: of these frames in the video, [T].
    seconds: their times in the video, [T].
  """

  name: str
  arrays: Mapping[str, np.ndarray]
  frames: np.ndarray
  numbers: np.ndarray
  seconds: np.ndarray


def read_clip(trained: Trained, path, fps: float = FPS) -> Clip:
  """Reads the clip of the first test view of a video."""
  spec = trained.spec
  with open_video(path, fps=fps) as video:
    placed = clips.place_test_frames(video.info.frames, spec)
    numbers = np.minimum(placed[: spec.num_frames], video.info.frames - 1)
    frames = video.read(numbers, clips.find_short_side(spec))
    seconds = np.asarray(video.info.times, np.float64)[numbers]
  one = dataclasses.replace(spec, clips=1)
  plain = dict(grid=(), grid_antialias=False, spatial_frames=0)
  arrays = {k: x[:1] for k, x in clips.make_views(frames, one).items()}
  plain = clips.make_views(frames, dataclasses.replace(one, **plain))
  name = '/'.join(pathlib.Path(path).parts[-2:])  # with the class, often
  return Clip(name, arrays, plain['video'][0], numbers, seconds)
