"""What `i2v attention` writes: a sheet, a video, or the arrays."""

import json
import pathlib
from collections.abc import Iterator, Sequence

import numpy as np

from i2v_jax.data.show import sheet
from i2v_jax.deploy.attention import pictures
from i2v_jax.deploy.attention.look import Looked
from i2v_jax.deploy.attention.rows import IMAGE
from i2v_jax.deploy.prediction import tables
from i2v_jax.deploy.trained import Trained
from i2v_jax.models.attention.maps import AttentionMap
from i2v_jax.runtime import files
from i2v_jax.runtime.errors import UserError

SUFFIXES = ('.png', '.jpg', '.mp4', '.npz')


def check_output(out, clip) -> None:
  """Raises UserError unless `out` can be written, and is not the clip."""
  tables.check_output(out, SUFFIXES)
  path, read = pathlib.Path(out), pathlib.Path(clip)
  if path.exists() and read.exists() and path.samefile(read):
    raise UserError(f'--out is {read}, which is read; choose another name.')


def name_output(trained: Trained, clip) -> pathlib.Path:
  """Names the sheet of a video, next to the model."""
  return trained.folder / f'attention-{pathlib.Path(clip).stem}.png'


def write(out, looked: Looked) -> None:
  """Writes what the ending of a name asks for.

  Raises:
    OSError: the file cannot be written.
  """
  path = pathlib.Path(out)
  kind = path.suffix.lower()
  if kind == '.npz':
    write_arrays(path, looked)
  elif kind == '.mp4':
    pictures.write_video(path, looked)
  else:
    sheet.write(path, pictures.draw_sheet(looked))


def write_arrays(path: pathlib.Path, looked: Looked) -> None:
  """Writes every map as arrays, by names such as `frame -1/weights`.

  Of each map NAME, and of those of the image model as `image model/NAME`:
  `NAME/weights` float32 [T, N, h, w], attention of T queries of N heads;
  `NAME/rest` [T, N], that on keys that are no patches; `NAME/frames` [T], the
  frame of the clip that the patches are of; `NAME/heads` [N], numbers of the
  heads; `NAME/sums_over`, `places`, `frames` or `both`: what weights and rest
  sum to one over.

  Of the clip: `pixels` uint8 [F, H, W, 3], its frames; `numbers` and `seconds`
  [F], where they are in the video; `facts`, JSON: video, model, block, query.
  """
  arrays = dict(_name_arrays(looked.maps))
  arrays |= dict(_name_arrays(looked.image_maps, f'{IMAGE}/'))
  clip = looked.clip
  arrays |= {
    'pixels': clip.frames,
    'numbers': clip.numbers,
    'seconds': clip.seconds,
    'facts': json.dumps(looked.facts),
  }
  with (
    files.explain_errors(path),
    files.replacing(path) as new,
    new.open('wb') as file,  # savez adds .npz to the name of a path
  ):
    np.savez_compressed(file, **arrays)


def _name_arrays(
  maps: Sequence[AttentionMap], prefix: str = ''
) -> Iterator[tuple[str, np.ndarray]]:
  for one in maps:
    name = prefix + one.name
    yield f'{name}/weights', np.asarray(one.weights, np.float32)[0]
    yield f'{name}/rest', np.asarray(one.rest, np.float32)[0]
    yield f'{name}/frames', np.asarray(one.frames)
    yield f'{name}/heads', np.asarray(one.heads, np.int64)
    yield f'{name}/sums_over', np.asarray(one.sums_over)
