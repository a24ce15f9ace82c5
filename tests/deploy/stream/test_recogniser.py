"""Streams of a trained model are its clips, whichever of them have a frame."""

import tracemalloc

import jax
import numpy as np
import pytest
from streamed import LONG, Heard, feed, read_all, run

import i2v_jax
from i2v_jax.deploy.stream.recogniser import TrainedRecogniser
from i2v_jax.training import loop


@pytest.fixture(scope='module')
def trained(smoke_config, tmp_path_factory):
  """ZeroI2V whose heads look back only."""
  workdir, config = tmp_path_factory.mktemp('stream') / 'run', smoke_config()
  with config.unlocked():
    config.model.adapter = dict(config.model.adapter, offsets=(-1, -1))
    config.model.temporal_embedding = False
    config.compare = {}
  loop.train_and_evaluate(config.lock(), workdir)
  return i2v_jax.load(workdir)


def test_a_stream_at_frame_t_is_the_clip_of_t_frames(trained, digits):
  """From an encoded video, through the session's own reading."""
  path = sorted(digits.glob('val/*/*.mp4'))[0]
  frames, _ = read_all(path, trained.spec)
  model, yes = TrainedRecogniser(trained, 1), np.ones(1, bool)
  count = trained.spec.num_frames
  for number, frame in enumerate(frames[:count]):
    found = model.step(frame.view[None], yes & (number == 0), yes)
  wanted = trained.calibrate(trained.probabilities(path, span=(0, count)))
  np.testing.assert_allclose(found[0], wanted, atol=1e-5)


def test_streams_without_a_frame_keep_their_state(trained):
  """Two streams of different rates equal each by itself."""
  size = trained.spec.image_size
  rng = np.random.default_rng(0)
  frames = rng.integers(0, 256, (12, 2, size, size, 3), np.uint8)
  present = rng.random((12, 2)) < 0.6
  fresh = present & (rng.random((12, 2)) < 0.2)
  together = TrainedRecogniser(trained, 2)
  both = [
    together.step(*row) for row in zip(frames, fresh, present, strict=True)
  ]
  for stream in range(2):
    alone, yes = TrainedRecogniser(trained, 1), np.ones(1, bool)
    for number in np.flatnonzero(present[:, stream]):
      begins = yes & fresh[number, stream]
      found = alone.step(frames[number, stream][None], begins, yes)
      np.testing.assert_allclose(both[number][stream], found[0], atol=1e-5)


def test_nothing_grows_over_2_000_real_steps(trained):
  """Through the session: arrays on the device, and memory of the process."""
  size, count = trained.spec.image_size, 2_000
  arrays, grown = [], []

  class Counted(Heard):
    def hear_scores(self, stream, events):
      super().hear_scores(stream, events)
      if self.scored in (count // 10, count):
        arrays.append(len(jax.live_arrays()))
      if self.scored == count // 10:
        tracemalloc.start()
      if self.scored == count:
        grown.append(tracemalloc.get_traced_memory()[0])

  pixels = np.random.default_rng(0).integers(0, 256, (count, 9), np.uint8)
  data = pixels.repeat(size * size // 3 + 1, axis=1)[:, : 3 * size * size]
  pipe, thread = feed(data.tobytes())
  options = dict(spec=trained.spec, raw=(size, size), fps=30.0, rate=30.0)
  model = TrainedRecogniser(trained, 1)
  try:
    heard, _ = run(
      ['-'], recogniser=model, stop=Counted(), pipe=pipe, **options
    )
  finally:
    tracemalloc.stop()
  thread.join(LONG)
  assert heard.streams[0].frames == count
  before, after = arrays
  assert before == after and grown[0] < 1e6  # about 500 bytes a frame
  assert model._advance._cache_size() == 1


def test_it_is_compiled_once(trained):
  model, size = TrainedRecogniser(trained, 1), trained.spec.image_size
  frame, yes = np.zeros((1, size, size, 3), np.uint8), np.ones(1, bool)
  for number in range(20):
    model.step(frame, yes & (number % 7 == 0), yes & (number % 3 > 0))
  assert model._advance._cache_size() == 1
  assert all(x.shape[0] == 1 for x in jax.tree.leaves(model._state))
