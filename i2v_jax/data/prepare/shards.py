"""The interface to TFDS: records, shards, and the data set built of shards."""

import errno
import os
import pathlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from i2v_jax.data.sets import prepared

_NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)


def make_features(class_names: Sequence[str]):
  """Makes the `tfds.features.FeaturesDict` of a record."""
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
  """Makes the function `serialize(row, video)` -> bytes of a record."""
  from tensorflow_datasets.core import example_serializer

  known = make_features(class_names)
  one = example_serializer.ExampleSerializer(known.get_serialized_info())

  def serialize(row: prepared.Row, video: bytes) -> bytes:
    example = {name: getattr(row, name) for name in known if name != 'video'}
    example['id'] = row.id.encode(errors='surrogateescape')
    example['video'] = video
    message = one.get_tf_example(known.encode_example(example))
    # Otherwise the order of features differs in every process.
    return message.SerializeToString(deterministic=True)

  return serialize


def open_writer(path: pathlib.Path):
  """Opens an ArrayRecord writer for one shard, to be closed by the caller."""
  from array_record.python import array_record_module

  # Videos do not compress further, and records are read one at a time.
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
  """Builds the data set `name` in `out` from shards on the same disk.

  It appears atomically.

  Args:
    out: the data_dir of TFDS.
    name: name of the data set.
    class_names: in label order.
    staged: split -> files and their numbers of records.
    finish: called with the folder of shards before its final rename.

  Returns:
    the folder of the data set.
  """
  builder = _make_builder(name, class_names, staged, finish)
  builder = builder(data_dir=out, file_format='array_record')
  builder.download_and_prepare(download_dir=out / name / 'staging')
  return pathlib.Path(builder.data_dir)


def _make_adopter(files: Iterator[pathlib.Path]) -> type:
  """Makes a writer of TFDS that links staged files one after another."""
  from tensorflow_datasets.core.writer import ExampleWriter

  class Adopt(ExampleWriter):
    def write(self, path, examples):
      _link(next(files), path)

  return Adopt


def _make_builder(name, class_names, staged: Mapping, finish: Callable) -> type:
  """Makes the `ShardBasedBuilder` of the staged shards."""
  import tensorflow_datasets as tfds

  # TFDS requests one shard after another.
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

    # These would print a download, and there is none.
    def _log_download_bytes(self):
      pass

    def _log_download_done(self):
      pass

  Prepared.name = name
  return Prepared


def _make_counted(count: int):
  """Makes a stand-in shard whose records TFDS only counts."""
  return lambda: iter([(number, None) for number in range(count)])


def _link(source: pathlib.Path, path) -> None:
  """Links a file, or copies it if the file system has no hard links."""
  try:
    os.link(source, path)
  except OSError as error:
    if error.errno not in _NO_LINKS:
      raise
    shutil.copyfile(source, path)
