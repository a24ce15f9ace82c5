"""TFDS's part in preparing: what a record is, and shards that become a set."""

import errno
import os
import pathlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from i2v_jax.data.sets import prepared

_NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)


def make_features(class_names: Sequence[str]):
  """The `tfds.features.FeaturesDict` of a record."""
  import tensorflow_datasets as tfds

  number = tfds.features.Scalar(np.int32)
  label = tfds.features.ClassLabel(names=class_names) if class_names else number
  return tfds.features.FeaturesDict(
    {
      'video': tfds.features.Tensor(shape=(), dtype=np.object_),
      'label': label,
      'id': tfds.features.Text(),
      'frames': number,
      'fps': tfds.features.Scalar(np.float32),
      'height': number,
      'width': number,
    }
  )


def make_serializer(class_names: Sequence[str]) -> Callable[..., bytes]:
  """Returns `serialize(row, video)` -> the bytes of a record."""
  from tensorflow_datasets.core import example_serializer

  known = make_features(class_names)
  one = example_serializer.ExampleSerializer(known.get_serialized_info())

  def serialize(row: prepared.Row, video: bytes) -> bytes:
    example = {name: getattr(row, name) for name in known if name != 'video'}
    example['id'] = row.id.encode(errors='surrogateescape')
    example['video'] = video
    message = one.get_tf_example(known.encode_example(example))
    # Else the order of features is another in every process.
    return message.SerializeToString(deterministic=True)

  return serialize


def open_writer(path: pathlib.Path):
  """An ArrayRecord writer for one shard; close it."""
  from array_record.python import array_record_module

  # Videos do not compress further; a record is read alone, not with others.
  return array_record_module.ArrayRecordWriter(
    os.fspath(path), 'group_size:1,uncompressed'
  )


def build(
  out: pathlib.Path,
  name: str,
  class_names: Sequence[str],
  staged: Mapping[str, Sequence[tuple[pathlib.Path, int]]],
  finish: Callable[[pathlib.Path], None],
) -> pathlib.Path:
  """Makes the data set `name` in `out` of shards that lie on the same disk.

  It appears whole or not at all.

  Args:
    out: the data_dir of TFDS.
    name: of the data set.
    class_names: in label order.
    staged: of every split, files and the number of their records.
    finish: called with the folder, shards in it, before it gets its name.

  Returns:
    its folder.
  """
  builder = _make_builder(name, class_names, staged, finish)
  builder = builder(data_dir=out, file_format='array_record')
  builder.download_and_prepare(download_dir=out / name / 'staging')
  return pathlib.Path(builder.data_dir)


def _make_adopter(files: Iterator[pathlib.Path]) -> type:
  """A writer of TFDS that takes staged files in as they are, in turn."""
  from tensorflow_datasets.core.writer import ExampleWriter

  class Adopt(ExampleWriter):
    def write(self, path, examples):
      _link(next(files), path)

  return Adopt


def _make_builder(name, class_names, staged: Mapping, finish: Callable) -> type:
  """A `ShardBasedBuilder` of what is staged."""
  import tensorflow_datasets as tfds

  # TFDS asks for one shard after another.
  adopter = _make_adopter(path for part in staged.values() for path, _ in part)

  class Prepared(tfds.core.ShardBasedBuilder, skip_registration=True):
    VERSION = tfds.core.Version(prepared.VERSION)
    pkg_dir_path = None

    def _info(self):
      return tfds.core.DatasetInfo(
        builder=self,
        description='Videos as encoded files, by `i2v data prepare`.',
        features=make_features(class_names),
      )

    def _shard_iterators_per_split(self, dl_manager):
      return {
        split: [_make_counted(count) for _, count in part]
        for split, part in staged.items()
      }

    def _example_writer(self):
      return adopter(self.info.file_format)

    def _download_and_prepare(self, dl_manager, download_config=None):
      super()._download_and_prepare(dl_manager, download_config)
      finish(pathlib.Path(self.data_dir))

    # They print that something is downloaded, and nothing is.
    def _log_download_bytes(self):
      pass

    def _log_download_done(self):
      pass

  Prepared.name = name
  return Prepared


def _make_counted(count: int):
  """What TFDS counts as a shard of so many records; it looks at none."""
  return lambda: iter([(number, None) for number in range(count)])


def _link(source: pathlib.Path, path) -> None:
  """A second name for a file; a copy where the disk knows no such thing."""
  try:
    os.link(source, path)
  except OSError as error:
    if error.errno not in _NO_LINKS:
      raise
    shutil.copyfile(source, path)
