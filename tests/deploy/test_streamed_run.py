"""A trained run reads an encoded video as a stream."""

import dataclasses
import functools

import jax
import numpy as np

from i2v_jax import load, normalize, streaming
from i2v_jax.data.clips.crops import center_crop
from i2v_jax.data.videos import decode
from i2v_jax.deploy.export import export_merged
from i2v_jax.models.build import merge
from i2v_jax.training.evaluation.calibration import UNFITTED
from i2v_jax.training.workdir import checkpoint


def test_the_frame_rate_of_its_videos_is_known(smoke_runs, digits, tmp_path):
  workdir, _ = smoke_runs('stream_quickstart')
  run = load(workdir)
  path = next((digits / 'train').glob('*/*.mp4'))
  assert run.training_fps == decode.probe(path).fps == 8
  export_merged(run, tmp_path / 'out')
  assert load(tmp_path / 'out').training_fps == 8
  with checkpoint.Checkpoints(workdir) as checkpoints:
    saved = checkpoints.metadata(checkpoints.newest())
  assert saved['training_fps'] == 8  # of runs that have not ended
  older = dataclasses.replace(run, calibration=UNFITTED)
  assert older.training_fps is None


def test_frames_of_a_file_give_what_predict_gives(smoke_runs, digits):
  run = load(smoke_runs('stream_quickstart')[0])
  path = next((digits / 'val').glob('*/*.mp4'))
  size = run.spec.image_size
  frames = center_crop(decode.read_frames(path, range(8)), size)
  assert run.spec.num_frames == 8 and frames.shape == (8, size, size, 3)
  for model, params in (
    (run.model, run.params),
    merge(run.model, run.params),
  ):
    step = jax.jit(functools.partial(streaming.step, model), donate_argnums=1)
    state = streaming.init(model)
    for frame in frames:
      pixels = normalize(frame[None], run.config['data']['normalization'])
      state, logits = step(params, state, pixels)
    np.testing.assert_allclose(
      jax.nn.softmax(logits[0]), run.probabilities(path), rtol=0, atol=1e-5
    )
