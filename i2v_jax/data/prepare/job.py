"""Any format of `sources` -> a TFDS data set of verified, encoded videos.

Work is staged shard by shard: a job that is killed at any moment and restarted
with the same arguments ends with the same bytes. The data set appears at the
end, atomically.
"""

import dataclasses
import os
import pathlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from i2v_jax.data.loading import workers
from i2v_jax.data.prepare import area, records, shards, staging
from i2v_jax.data.sets import (
  listing,
  prepared,
  prepared_csv,
  sources,
  split_facts,
)
from i2v_jax.data.videos import decode, frame_files, transcode
from i2v_jax.runtime import files
from i2v_jax.runtime.errors import UserError, check_choice


class Job:
  """A data set being prepared; nothing is written before `run`.

  Args:
    out: the `data_dir` of TFDS; the data set will be `out/<name>/1.0.0`.
    source: one of `sources.FORMATS`.
    root: folder of the source.
    splits: its splits to prepare; by default `sources.choose_splits`.
    name: name of the data set; by default that of the source.
    options: options of the source, as in `sources.load_split`.
    on_missing: as in `sources.load_split`.
    on_bad_video: 'error', or 'skip', which leaves out and lists videos that do
      not decode to their end.
    recipe: how to re-encode videos; None stores the files unchanged.
    shard_mb: megabytes of source files per shard.
    cut: whether to store each segment by itself, re-encoded, in place of the
      files that segments are in.

  Raises:
    FileNotFoundError, UserError: as `sources.load_split`; or `out` holds a data
      set of that name, or a part of one, with other contents.
  """

  def __init__(
    self,
    out: listing.Path,
    source: str,
    root: listing.Path,
    splits: Sequence[str] = (),
    *,
    name: str = '',
    options: Mapping[str, Any] | None = None,
    on_missing: str = 'error',
    on_bad_video: str = 'error',
    recipe: transcode.Recipe | None = None,
    shard_mb: float = 512,
    cut: bool = False,
  ):
    self._check(out, name or source, on_bad_video, shard_mb)
    sources.check_options(source, options or {})
    self.name, self.out = name or source, pathlib.Path(out).expanduser()
    self.splits = {
      split: sources.load_split(
        source, root, split, on_missing, **(options or {})
      )
      for split in splits or sources.choose_splits(source)
    }
    self._check_examples(source, cut)
    recipe = recipe or (transcode.Recipe() if cut else None)
    self._check_frame_folders(recipe)
    self._cut = cut
    self._plan = self._make_plan(source, options or {}, recipe, shard_mb)
    self.folder = self.out / self.name / prepared.VERSION
    self._area = area.Area(self.folder)
    self.is_done = self._is_done()
    self.shards = {
      split: self._make_shards(split, on_bad_video, recipe, shard_mb * 1e6)
      for split in self.splits
    }

  def _check(self, out, name, on_bad_video, shard_mb) -> None:
    if '://' in os.fspath(out):
      raise UserError(f'{out} is not a folder: mount it, and give its path')
    if not re.fullmatch('[a-z][a-z0-9_]*', name):
      raise UserError(
        f'name {name!r} is invalid; use lower-case letters, digits and _, as '
        'in my_videos_2.'
      )
    check_choice('on_bad_video', on_bad_video, ('error', 'skip'))
    if not shard_mb > 0:
      raise UserError(f'shard_mb is {shard_mb}; it can be any number above 0.')

  def _check_examples(self, source: str, cut: bool) -> None:
    if cut and any(split.segments is None for split in self.splits.values()):
      raise UserError(f'{source} has no segments to cut: leave out --cut')
    if any(split.key_frames is not None for split in self.splits.values()):
      problem = f'{source} has boxes, which shards of one label per video lack'
      raise UserError(f'{problem}: train on its files, without preparing them')

  def _check_frame_folders(self, recipe) -> None:
    for split in self.splits.values() if recipe is None else ():
      paths = split.list_videos().paths
      folders = filter(frame_files.is_frame_folder, paths)
      if folder := next(folders, None):
        problem = f'{folder} is a folder of frames, which is stored as a video'
        raise UserError(
          f'{problem}: choose an encoding, --gop 16 for H.264 or --frames jpeg'
        )

  @property
  def class_names(self) -> tuple[str, ...]:
    return next(iter(self.splits.values())).class_names

  def _make_plan(self, source, options, recipe, shard_mb) -> dict[str, Any]:
    """Makes the plan: everything that determines the bytes of the shards."""
    if text := split_facts.describe_class_difference(self.splits):
      raise UserError(text)
    for name in self.class_names:  # TFDS writes a text file, one name a line
      if not name.isprintable():
        problem = f'class name {name!r} is not a line of text'
        raise UserError(f'{problem}: rename the class')
    plan = {'source': source, 'shard_mb': shard_mb, 'transcode': bool(recipe)}
    plan |= {f'options.{name}': str(value) for name, value in options.items()}
    if recipe:
      made = dataclasses.asdict(recipe) | transcode.list_libraries()
      # Options that are off are left out, so that new ones keep old plans
      # valid.
      plan |= {key: value for key, value in made.items() if value is not False}
    plan |= {'cut': True} if self._cut else {}
    plan['class names'] = area.compute_digest(self.class_names)
    for name, split in self.splits.items():
      paths = split.list_videos().paths
      stamps = [frame_files.stamp(path) for path in paths]
      plan[f'videos of {name}'] = split.fingerprint()
      plan[f'files of {name}'] = area.compute_digest(
        tuple(stamp.values()) for stamp in stamps
      )
    return plan

  def _is_done(self) -> bool:
    if not self.folder.exists():
      return False
    if not (self.folder / prepared.MANIFEST).is_file():
      problem = f'{self.folder} exists, but was not made by i2v data prepare'
      raise UserError(f'{problem}: choose another folder')
    made = prepared.read_manifest(self.folder)['plan']
    if made != self._plan:
      changed = area.describe_difference(made, self._plan)
      raise UserError(
        f'{self.folder} was made with {changed}: choose another folder, or '
        'delete it'
      )
    return True

  def _make_shards(
    self, split, on_bad_video, recipe, size
  ) -> list[staging.Shard]:
    data = self.splits[split]
    videos = records.list_videos(data, self._cut)
    sizes = records.measure_videos(data, self._cut)
    return [
      staging.Shard(
        folder=self._area.staging / split / f'{number:05d}',
        videos=tuple(videos[start:stop]),
        class_names=self.class_names,
        recipe=recipe,
        on_bad_video=on_bad_video,
        fps=data.fps,
      )
      for number, (start, stop) in enumerate(records.split_evenly(sizes, size))
    ]

  @property
  def pending(self) -> list[staging.Shard]:
    """The shards that are not staged yet."""
    all_shards = [shard for part in self.shards.values() for shard in part]
    return [shard for shard in all_shards if not shard.is_done()]

  def run(self, stage: Callable[[list[staging.Shard]], None]) -> dict:
    """Stages pending shards with `stage` and builds the data set.

    If the data set already exists, only its manifest is read.

    Args:
      stage: a function of the pending shards, such as `stage_here`.

    Returns:
      the manifest.

    Raises:
      DecodeError: a video cannot be read, and `on_bad_video` is 'error'.
      UserError: another process uses the staging area, or it has another plan.
    """
    if not self.is_done:
      with self._area.enter(self._plan):
        stage(self.pending)
        self._finish()
    self._area.remove()
    return prepared.read_manifest(self.folder)

  def _finish(self) -> None:
    found = {
      split: [(shard, *shard.read()) for shard in part]
      for split, part in self.shards.items()
    }
    staged = {
      split: [(shard.records, len(rows)) for shard, rows, _ in part if rows]
      for split, part in found.items()
    }
    for split, staged_shards in staged.items():
      if not staged_shards:
        raise decode.DecodeError(
          f'no video of {split} can be read: check the root'
        )
    shards.build(
      self.out,
      self.name,
      self.class_names,
      staged,
      lambda folder: self._write_manifest(folder, found),
    )

  def _write_manifest(self, folder: pathlib.Path, found: dict) -> None:
    splits = {}
    for split, part in found.items():
      rows = [row for _, rows, _ in part for row in rows]
      bad = [row for _, _, bad in part for row in bad]
      bad += records.list_unread(self.splits[split])
      digest = prepared_csv.write(folder / f'{split}.csv', prepared.Row, rows)
      if bad:
        path = folder / f'{split}.bad.csv'
        prepared_csv.write(path, prepared.Bad, bad)
      splits[split] = self._make_facts(split, rows, bad) | {
        'shards': sum(bool(rows) for _, rows, _ in part),
        'sha256': digest,
        **records.write_examples(folder, split, self.splits[split], self._cut),
      }
    manifest = {
      'plan': self._plan,
      'class_names': self.class_names,
      'splits': splits,
      'sha256': area.compute_digest(
        splits[split]['sha256'] for split in sorted(splits)
      ),
    }
    files.write_json(folder / prepared.MANIFEST, manifest)

  def _make_facts(self, split: str, rows: list, bad: list) -> dict[str, Any]:
    data = self.splits[split]
    measured = [row.psnr for row in rows if row.psnr is not None]
    return {
      'videos': len(rows),
      'skipped': len(bad),
      'missing': [*dict.fromkeys([*data.missing, *(row.id for row in bad)])],
      'frames': sum(row.frames for row in rows),
      'bytes': sum(row.bytes for row in rows),
      'source_bytes': sum(row.source_bytes for row in rows),
      'psnr': sum(measured) / len(measured) if measured else None,
      'source_fingerprint': data.fingerprint(),
    }


def stage_here(
  pending: list[staging.Shard],
  processes: int,
  seconds: float = 0,
  advance: Callable[[], None] = lambda: None,
) -> None:
  """Stages shards on this machine, all processes at one shard.

  Args:
    pending: shards of a `Job`.
    processes: number of processes that decode and encode.
    seconds: time limit for a video; 0 for no limit.
    advance: called after every video.
  """
  if pending:
    with workers.Pool(staging.store, processes, seconds) as pool:
      for shard in pending:
        shard.stage(pool, processes, advance)
