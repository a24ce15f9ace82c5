"""Measures how fast videos are read, by stage and next to other libraries.

Times are CPU seconds of all threads of the process: other work on the machine
counts little, and hidden threads gain nothing.
"""

import collections
import dataclasses
import math
import pathlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from i2v_jax.data.clips import clips, sampling
from i2v_jax.data.clips.spec import ClipSpec
from i2v_jax.data.loading import pipeline
from i2v_jax.data.loading.loader import Loader
from i2v_jax.data.loading.parallelism import Parallelism
from i2v_jax.data.sets import folders, list_lines, prepared, sources
from i2v_jax.data.sets.sources import Split
from i2v_jax.data.videos.decode import FrameFolder, Video, open_video
from i2v_jax.data.videos.span import Span, open_span
from i2v_jax.runtime import process
from i2v_jax.runtime.errors import UserError

STAGES = ('open', 'seek', 'decode', 'convert', 'transform', 'collate')
BATCH = 8  # clips


@dataclasses.dataclass(frozen=True)
class Plan:
  """The frames and videos to read, the same for all readers.

  Attributes:
    split: the videos.
    chosen: index into the split for each clip.
    indices: frames of each clip, ascending unless the video is short and the
      clip loops.
    spec: of the clips.
    seed: of the frames and of their augmentation.
  """

  split: Split
  chosen: tuple[int, ...]
  indices: tuple[np.ndarray, ...]
  spec: ClipSpec
  seed: int

  @property
  def names(self) -> list[str]:
    """The name of the video of each clip: its path, unless it is prepared."""
    return [self.split.paths[index] for index in self.chosen]

  def read(self, clip: int) -> np.ndarray:
    """Reads the frames of a clip: uint8 RGB [T, H, W, 3], as stored."""
    index = self.chosen[clip]
    with open_example(self.split, index) as video:
      return video.read(self.indices[clip])


@dataclasses.dataclass(frozen=True)
class Agreement:
  """How another library's frames compare with ours.

  Attributes:
    frames: number of frames compared.
    differing: number of them that differ in any value.
    largest: largest difference of a value, 0 to 255.
    problem: why frames cannot be compared, or ''.
  """

  frames: int = 0
  differing: int = 0
  largest: int = 0
  problem: str = ''


def load_source(format: str, root, options: Mapping[str, Any]) -> Split:
  """Loads the first split of a data set; videos of key frames count once."""
  name = sources.choose_splits(format)[0]
  split = sources.load_split(format, root, name, **options)
  return split if split.key_frames is None else split.list_videos()


def load_videos(path) -> Split:
  """Loads the videos of a path, without labels.

  The path is a video, a folder of videos, a list as for
  `list_lines.read_list`, or a prepared data set, of which the first split is
  used. Raises FileNotFoundError or UserError if there is no video.
  """
  path = pathlib.Path(path)
  if path.is_dir() and prepared.find_folders(path):
    return sources.load_split('prepared', path, prepared.list_splits(path)[0])
  if list_lines.is_list(path):
    found = [video for video, _ in list_lines.read_list(path)]
  else:
    found = folders.find_videos(path).videos
  if not found:
    raise UserError(f'{path} holds no video: name a video, folder or list')
  names = tuple(map(str, found))
  return Split(names, np.full(len(names), -1), ('any',), names)


def make_plan(split: Split, spec: ClipSpec, count: int, seed: int) -> Plan:
  """Draws `count` clips, cycling through the videos, as in dense training."""
  chosen = tuple(clip % len(split) for clip in range(count))
  frames = {index: count_frames(split, index) for index in set(chosen)}
  indices = (
    sampling.sample_dense_train(
      frames[index], spec.num_frames, spec.stride, _make_rng(seed, clip)
    )
    for clip, index in enumerate(chosen)
  )
  return Plan(split, chosen, tuple(indices), spec, seed)


def open_example(split: Split, index: int) -> Video | FrameFolder | Span:
  """Opens a video of a split, or a span of it."""
  name = split.paths[index]
  if split.segments is None:
    return open_video(split.video(index), name)
  return open_span(split.video(index), split.segments.choose_span(index), name)


def count_frames(split: Split, index: int) -> int:
  """Counts the frames of a video of a split."""
  with open_example(split, index) as video:
    return video.info.frames


def _make_rng(seed: int, clip: int) -> np.random.Generator:
  return np.random.default_rng((seed, clip))


class Stopwatch:
  """Adds up CPU seconds by stage."""

  def __init__(self):
    self.seconds = collections.Counter()

  def wrap(self, stage: str, function: Callable) -> Callable:
    """Wraps a function so that its calls count for a stage."""

    def call(*args):
      start = time.process_time()
      try:
        return function(*args)
      finally:
        self.seconds[stage] += time.process_time() - start

    return call


def _open_timed(
  split: Split, index: int, watch: Stopwatch
) -> Video | FrameFolder | Span:
  """Opens a video whose reading is timed, in total and by its parts."""
  found = watch.wrap('open', split.video)(index)
  video = watch.wrap('open', open_video)(found, split.paths[index])
  if isinstance(video, Video):  # folders of frames have no seeks
    video.packets.start = watch.wrap('seek', video.packets.start)
  video.convert = watch.wrap('convert', video.convert)
  video.resize = watch.wrap('resize', video.resize)
  video.read = watch.wrap('read', video.read)
  if split.segments is None:
    return video
  return Span(video, *split.segments.choose_span(index), split.paths[index])


def time_stages(plan: Plan) -> dict[str, float]:
  """Times each of `STAGES` and `total` over a plan, in CPU seconds.

  Seeking includes reading the first packet, decoding all others; transforms are
  those of training; collating stacks a batch of clips.
  """
  watch, batch = Stopwatch(), []
  make = watch.wrap('make', clips.make_train_clip)
  start = time.process_time()
  for k, index in enumerate(plan.chosen):
    with _open_timed(plan.split, index, watch) as video:
      arrays, _ = make(video, 0, plan.spec, _make_rng(plan.seed, k))
    batch.append(arrays['video'])
    if len(batch) == BATCH or k + 1 == len(plan.chosen):
      watch.wrap('collate', np.stack)(batch)
      batch.clear()
  total = time.process_time() - start
  found = watch.seconds
  inside = found['seek'] + found['convert'] + found['resize']
  found['decode'] = found['read'] - inside
  found['transform'] = found['make'] - found['read'] + found['resize']
  return {name: found[name] for name in STAGES} | {'total': total}


@dataclasses.dataclass(frozen=True)
class Loaded:
  """The cost of loading a plan.

  Attributes:
    seconds: wall time.
    early: resident bytes of this process after a tenth of the clips.
    late: the same after all clips.
  """

  seconds: float
  early: int
  late: int


def time_loader(plan: Plan, threads: int) -> Loaded:
  """Times the loader on the clips of a plan."""
  count = len(plan.chosen)
  split = plan.split.choose(plan.chosen)
  rows = math.gcd(count, BATCH)
  batches = pipeline.load_train_batches(
    Loader(split, plan.spec),
    rows,
    seed=plan.seed,
    start=0,
    stop=count // rows,
    parallel=Parallelism(threads=threads),
  )
  start, seen, early = time.perf_counter(), 0, 0
  for batch in batches:
    seen += len(batch['label'])
    early = early or (10 * seen >= count and process.read_resident_bytes())
  if seen != count:
    raise RuntimeError(f'the loader gave {seen} clips of {count}')
  return Loaded(
    time.perf_counter() - start, early or 0, process.read_resident_bytes() or 0
  )


def race(plan: Plan, readers: Mapping[str, Callable]) -> dict:
  """Times each `reader(clip)` in turn: name -> CPU seconds `[clips]`."""
  found = {name: np.empty(len(plan.chosen)) for name in readers}
  for clip in range(len(plan.chosen)):
    for name, reader in readers.items():
      start = time.process_time()
      reader(clip)
      found[name][clip] = time.process_time() - start
  return found


def check_agreement(
  plan: Plan, reader: Callable, same: bool = True
) -> Agreement:
  """Compares the frames of `reader(clip)` with ours if both read the same."""
  found = Agreement()
  for clip, name in enumerate(plan.names):
    try:
      name.encode()  # other names crash some libraries
      theirs = reader(clip)
    except Exception as error:  # any failure of theirs belongs in the report
      return Agreement(problem=f'{name}: {_describe_error(error)}')
    if not same:
      continue
    ours = plan.read(clip)
    if theirs.shape != ours.shape:
      sizes = [f'{x.shape[2]}x{x.shape[1]}' for x in (theirs, ours)]
      return Agreement(problem=f'{name}: {sizes[0]} pixels, not {sizes[1]}')
    off = np.abs(ours.astype(np.int16) - theirs).max((1, 2, 3))
    found = Agreement(
      found.frames + len(off),
      found.differing + int((off > 0).sum()),
      max(found.largest, int(off.max())),
    )
  return found


def _describe_error(error: Exception) -> str:
  if isinstance(error, ModuleNotFoundError):
    return f'{error.name} is not installed'
  text = ' '.join(str(error).split()) or type(error).__name__
  return text if len(text) < 120 else f'{text[:120]} ...'
