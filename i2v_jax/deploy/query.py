"""A video encoded as the rows of a file of vectors were."""

import json

import numpy as np

from i2v_jax.data.sets.feature_rows import Features, check_same_model
from i2v_jax.deploy import trained
from i2v_jax.deploy.features import describe
from i2v_jax.deploy.prediction import encoders
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import experiment


def encode_query(
  features: Features, clip: str, workdir: str = '', weights: str = ''
) -> Features:
  """Encodes a video with the options of a file of vectors.

  Args:
    features: the file.
    clip: path of the video.
    workdir: a trained model.
    weights: an image model; with `workdir`, new place of its frozen weights.

  Raises:
    FileNotFoundError: the model does not exist.
    UserError: the file was written with another model, or the video cannot be
      read.
  """
  encoder = _make_encoder(features, workdir, weights)
  facts = json.loads(json.dumps(experiment.to_plain(describe(encoder))))
  (scored,) = encoder.encode([clip])
  if scored.error:
    raise UserError(scored.error)
  lengths = np.linalg.norm(scored.values, axis=1, keepdims=True)
  vectors = scored.values / np.where(lengths > 0, lengths, 1)
  spans = np.array(scored.seconds, np.float64).reshape(-1, 2)
  if encoder.per == 'clip':
    spans = np.full((len(vectors), 2), np.nan)
  query = Features(clip, vectors, [clip] * len(vectors), spans, facts)
  check_same_model(features, query)
  return query


def _make_encoder(features, workdir, weights) -> encoders.Encoder:
  facts = features.model
  given = 'run' if workdir else 'weights'
  if given not in facts:
    wanted = '--workdir'
    if workdir:
      wanted = f'--weights {facts["weights"]}, without --workdir'
    raise UserError(
      f'{features.path} was written with another kind of model; give {wanted}.'
    )
  windows = facts['windows'] or {}
  where = facts['per'], windows.get('seconds'), windows.get('step')
  if workdir:
    model = trained.load(workdir, weights=weights)
    return encoders.encode_with_run(model, *where, fps=facts['fps'])
  return encoders.encode_with_image_model(
    weights,
    *where,
    image_size=facts['image_size'],
    mirror=facts['mirror'],
    fps=facts['fps'],
  )
