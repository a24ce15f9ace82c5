"""What `i2v attention` writes: a sheet, a video, or the arrays."""

import json
import os
import pathlib
import tempfile
from collections.abc import Iterator, Sequence

import numpy as np

from i2v_jax.data.show import sheet
from i2v_jax.deploy.attention import pictures
from i2v_jax.deploy.attention.compute import ClipAttention
from i2v_jax.deploy.attention.rows import IMAGE
from i2v_jax.deploy.prediction import tables
from i2v_jax.deploy.trained import Trained
from i2v_jax.models.attention.maps import AttentionMap
from i2v_jax.runtime import files
from i2v_jax.runtime.errors import UserError

SUFFIXES = ('.png', '.jpg', '.mp4', '.npz')


def check_output(out, clip) -> None:
  """Checks an output, before anything is computed.

  Raises:
    UserError: it is of no kind that is written, or is the clip.
    FileError: its folder cannot be written to.
  """
  tables.check_output(out, SUFFIXES)
  path, read = pathlib.Path(out), pathlib.Path(clip)
  if path.exists() and read.exists() and path.samefile(read):
    raise UserError(f'--out is {read}, which is read; choose another name.')
  with files.explain_errors(path):
    tempfile.TemporaryFile(dir=path.parent).close()


def name_output(trained: Trained, clip) -> pathlib.Path:
  """Names the sheet of a video, next to the model.

  With the video's folder, often its class: names of videos may be the same.
  """
  path = pathlib.Path(os.path.abspath(clip))
  parts = 'attention', path.parent.name, path.stem
  return trained.folder / f'{"-".join(filter(None, parts))}.png'


def write(out, attention: ClipAttention) -> None:
  """Writes what the ending of a name asks for.

  Raises:
    OSError: the file cannot be written.
  """
  path = pathlib.Path(out)
  kind = path.suffix.lower()
  if kind == '.npz':
    write_arrays(path, attention)
  elif kind == '.mp4':
    pictures.write_video(path, attention)
  else:
    sheet.write(path, pictures.draw_sheet(attention))


def write_arrays(path: pathlib.Path, attention: ClipAttention) -> None:
  """Writes every map as arrays, by names such as `frame -1/weights`.

  Of each map NAME, and of those of the image model as `image model/NAME`:
  `NAME/weights` float32 [T, N, h, w], attention of T queries of N heads;
  `NAME/rest` [T, N], that on keys that are no patches; `NAME/frames` [T], the
  frame of the clip that the patches are of; `NAME/queries` [T], that of the
  query; `NAME/heads` [N], numbers of the heads; `NAME/sums_over`, `places`,
  `frames` or `both`: what weights and rest sum to one over.

  Of the clip: `pixels` uint8 [F, H, W, 3], its frames; `numbers` and `seconds`
  [F], where they are in the video; `facts`, JSON: video, model, block, query.
  """
  arrays = dict(_name_arrays(attention.maps))
  arrays |= dict(_name_arrays(attention.image_maps, f'{IMAGE}/'))
  clip = attention.clip
  arrays |= {
    'pixels': clip.frames,
    'numbers': clip.numbers,
    'seconds': clip.seconds,
    'facts': json.dumps(attention.facts),
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
    yield f'{name}/queries', np.asarray(one.queries)
    yield f'{name}/heads', np.asarray(one.heads, np.int64)
    yield f'{name}/sums_over', np.asarray(one.sums_over)
