"""How fast videos are read: stages of a clip, and other libraries beside.

One core is measured in seconds of CPU time, of all threads of the process: what
else the machine does counts little, and hidden threads gain nothing.
"""

import collections
import dataclasses
import math
import pathlib
import time
from collections.abc import Callable, Mapping

import numpy as np

from i2v_jax.data import clips, listing, pipeline, sampling
from i2v_jax.data.decode import Video, probe, read_frames
from i2v_jax.data.loader import Loader
from i2v_jax.data.sources import Split
from i2v_jax.data.spec import ClipSpec

STAGES = ('open', 'seek', 'decode', 'convert', 'transform', 'collate')
BATCH = 8  # clips


@dataclasses.dataclass(frozen=True)
class Plan:
  """Which frames of which videos are read; the same for everybody.

  Attributes:
    paths: of the videos, one for each clip.
    indices: frames of each clip, ascending, unless the video is short and the
      clip starts again at its first frame.
    spec: of the clips.
    seed: of the frames, and of what `stages` does with them.
  """

  paths: tuple[str, ...]
  indices: tuple[np.ndarray, ...]
  spec: ClipSpec
  seed: int


@dataclasses.dataclass(frozen=True)
class Agreement:
  """How another library's frames compare with ours.

  Attributes:
    frames: that were compared.
    differing: of them, those that are not equal in every value.
    largest: difference of a value, in 0 to 255.
    problem: why there is nothing to compare; '' if there is.
  """

  frames: int = 0
  differing: int = 0
  largest: int = 0
  problem: str = ''


def videos(path) -> list[str]:
  """A video itself, those in a folder and below, or those that a list names.

  Lines of a list are paths, relative to the list, with or without a label.
  Raises FileNotFoundError or ValueError where there is no video.
  """
  path = pathlib.Path(path)
  if path.is_dir():
    found = [p for p in sorted(path.rglob('*')) if listing.is_video(p.name)]
  elif path.suffix in ('.txt', '.csv', '.list'):
    lines = (line for _, line in listing.read_lines(path))
    found = [_listed(path.parent, line) for line in lines]
  else:
    found = [path]
  if not found:
    raise ValueError(f'{path} holds no video: name a video, folder or list')
  return [str(p) for p in found]


def _listed(root: pathlib.Path, line: str) -> pathlib.Path:
  whole = root / line
  return whole if whole.is_file() else root / line.rsplit(maxsplit=1)[0]


def plan(paths: list[str], spec: ClipSpec, count: int, seed: int) -> Plan:
  """Draws `count` clips, going round the videos, as dense training does."""
  paths = tuple(paths[k % len(paths)] for k in range(count))
  frames = {path: probe(path).frames for path in dict.fromkeys(paths)}
  indices = (
    sampling.dense_train(
      frames[path], spec.num_frames, spec.stride, _rng(seed, k)
    )
    for k, path in enumerate(paths)
  )
  return Plan(paths, tuple(indices), spec, seed)


def _rng(seed: int, clip: int) -> np.random.Generator:
  return np.random.default_rng((seed, clip))


class Stopwatch:
  """Adds up the CPU seconds of what it has timed, by stage."""

  def __init__(self):
    self.seconds = collections.Counter()

  def timed(self, stage: str, function: Callable) -> Callable:
    """The same function, its calls timed."""

    def call(*args):
      start = time.process_time()
      try:
        return function(*args)
      finally:
        self.seconds[stage] += time.process_time() - start

    return call


class _Timed(Video):
  """A video whose reading is timed: `read` counts all, its parts too."""

  def __init__(self, path: str, watch: Stopwatch):
    watch.timed('open', super().__init__)(path)
    self.packets.start = watch.timed('seek', self.packets.start)
    self.convert = watch.timed('convert', self.convert)
    self.resize = watch.timed('resize', self.resize)
    self.read = watch.timed('read', self.read)


def stages(plan: Plan) -> dict[str, float]:
  """CPU seconds of each of `STAGES` and of `total`, for all clips of a plan.

  Seeking includes reading the first packet from there, decoding all others;
  transforms are those of training, collating stacks a batch of clips.
  """
  watch, batch = Stopwatch(), []
  make = watch.timed('make', clips.train_clip)
  start = time.process_time()
  for k, path in enumerate(plan.paths):
    with _Timed(path, watch) as video:
      arrays, _ = make(video, 0, plan.spec, _rng(plan.seed, k))
    batch.append(arrays['video'])
    if len(batch) == BATCH or k + 1 == len(plan.paths):
      watch.timed('collate', np.stack)(batch)
      batch.clear()
  total = time.process_time() - start
  found = watch.seconds
  inside = found['seek'] + found['convert'] + found['resize']
  found['decode'] = found['read'] - inside
  found['transform'] = found['make'] - found['read'] + found['resize']
  return {name: found[name] for name in STAGES} | {'total': total}


def load(plan: Plan, threads: int) -> float:
  """Seconds by the clock that the loader takes for as many clips."""
  count = len(plan.paths)
  split = Split(plan.paths, np.zeros(count, int), ('any',), plan.paths)
  batches = pipeline.train_batches(
    Loader(split, plan.spec),
    math.gcd(count, BATCH),
    seed=plan.seed,
    start=0,
    stop=count // math.gcd(count, BATCH),
    parallel=pipeline.Parallelism(threads=threads),
  )
  start = time.perf_counter()
  seen = sum(len(batch['label']) for batch in batches)
  if seen != count:
    raise RuntimeError(f'the loader gave {seen} clips of {count}')
  return time.perf_counter() - start


def race(plan: Plan, readers: Mapping[str, Callable]) -> dict:
  """CPU seconds `[clips]` of each `reader(path, indices)`, clip by clip."""
  found = {name: np.empty(len(plan.paths)) for name in readers}
  for k, (path, indices) in enumerate(
    zip(plan.paths, plan.indices, strict=True)
  ):
    for name, reader in readers.items():
      start = time.process_time()
      reader(path, indices)
      found[name][k] = time.process_time() - start
  return found


def agree(plan: Plan, reader: Callable) -> Agreement:
  """Compares the frames of `reader(path, indices)` with ours."""
  found = Agreement()
  for path, indices in zip(plan.paths, plan.indices, strict=True):
    ours = read_frames(path, indices)
    try:
      theirs = reader(path, indices)
    except Exception as error:  # whatever fails in there is for the report
      return Agreement(problem=f'{path}: {_sentence(error)}')
    if theirs.shape != ours.shape:
      sizes = [f'{x.shape[2]}x{x.shape[1]}' for x in (theirs, ours)]
      return Agreement(problem=f'{path}: {sizes[0]} pixels, not {sizes[1]}')
    off = np.abs(ours.astype(np.int16) - theirs).max((1, 2, 3))
    found = Agreement(
      found.frames + len(off),
      found.differing + int((off > 0).sum()),
      max(found.largest, int(off.max())),
    )
  return found


def _sentence(error: Exception) -> str:
  if isinstance(error, ModuleNotFoundError):
    return f'{error.name} is not installed'
  text = ' '.join(str(error).split()) or type(error).__name__
  return text if len(text) < 120 else f'{text[:120]} ...'
