"""Stages shards on Apache Beam, if one machine is not enough."""

from i2v_jax.data.prepare import staging
from i2v_jax.runtime.errors import MissingPackageError


def stage_on_beam(
  pending: list[staging.Shard],
  options: list[str],
  processes: int,
  seconds: float = 0,
) -> None:
  """Stages shards on the workers of a Beam runner.

  All workers must see the videos and the output under the same paths and have
  this package. Only names pass through Beam.

  Args:
    pending: shards of a `job.Job`.
    options: pipeline options, such as '--runner=FlinkRunner'; [] runs locally.
    processes: number of processes per shard that decode and encode.
    seconds: time limit for a video; 0 for no limit.

  Raises:
    ModuleNotFoundError: Apache Beam is not installed.
    RuntimeError: Beam's form of an exception in a worker.
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
