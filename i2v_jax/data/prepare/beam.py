"""Staging shards on Apache Beam, where one machine is outgrown."""

from i2v_jax.data.prepare import staging
from i2v_jax.runtime.errors import MissingPackageError


def stage_on_beam(
  pending: list[staging.Shard],
  options: list[str],
  processes: int,
  seconds: float = 0,
) -> None:
  """Stages shards on the workers of a Beam runner.

  All of them must see the videos and the output under the same paths, and have
  this package. Nothing but names goes through Beam itself.

  Args:
    pending: of a `prepare.Job`.
    options: pipeline options, such as '--runner=FlinkRunner'; [] runs here.
    processes: that decode and encode, for each shard.
    seconds: that a video may take; 0 for no limit.

  Raises:
    ModuleNotFoundError: there is no Apache Beam.
    RuntimeError: as Beam passes on what a worker raised.
  """
  try:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
  except ModuleNotFoundError as error:
    problem = 'Apache Beam is not installed'
    raise MissingPackageError(
      f"{problem}: pip install 'i2v_jax[beam]'"
    ) from error
  if not pending:
    return
  with beam.Pipeline(options=PipelineOptions(options)) as pipeline:
    shards = pipeline | 'Shards' >> beam.Create(pending) | beam.Reshuffle()
    _ = shards | 'Stage' >> beam.Map(staging.stage_alone, processes, seconds)
