"""`i2v predict, features`: what is seen in videos, and when."""

from i2v_jax.cli import prediction_arguments
from i2v_jax.cli.arguments import find_given, refuse_given
from i2v_jax.cli.models import load_model
from i2v_jax.cli.prediction_arguments import FORMATS, RULES


def predict(args) -> int:
  _check(args)
  clips = list_clips(args.clips, args.part)
  from i2v_jax.data.loading.window_spans import make_sliding
  from i2v_jax.deploy import predict

  form = f'.{args.format or FORMATS[0]}'
  if args.out:
    predict.check_output(args.out, args.timeline, clips, form)
  model = load_model(args)
  options = dict(
    spec=predict.set_views(model.spec, args.views),
    fps=args.fps,
    threads=args.threads,
    workers=args.workers,
    threshold=dict(args.threshold) or None,
  )
  if args.timeline:
    windows = dict(window=args.window, step=args.step)
    rules = find_given(args, RULES)
    job = predict.make_timeline_job(
      model, clips, **windows, rules=rules, **options
    )
  else:
    windows = make_sliding(args.window, args.step)
    job = predict.make_job(model, clips, windows, top=args.top, **options)
  return 1 if predict.run(job, args.out, args.json, form) else 0


def features(args) -> int:
  from i2v_jax.runtime.errors import UserError

  if not (args.workdir or args.weights):
    raise UserError(
      'Give --workdir for a trained model, or --weights for an image model.'
    )
  if args.workdir and args.image_size is not None:
    raise UserError('--image-size is of an image model; leave --workdir out.')
  if args.workdir and args.mirror:
    raise UserError('--mirror is of an image model; leave --workdir out.')
  clips = list_clips(args.clips, args.part)
  from i2v_jax.deploy import features
  from i2v_jax.deploy.prediction import encoders, tables

  tables.check_output(args.out, features.SUFFIXES)
  windows = args.per, args.window, args.step
  encoders.choose_per(*windows)
  options = dict(fps=args.fps, threads=args.threads, workers=args.workers)
  if args.workdir:
    model = load_model(args)
    encoder = encoders.encode_with_run(model, *windows, **options)
  else:
    from i2v_jax.runtime import compilation

    compilation.cache_for_user()
    encoder = encoders.encode_with_image_model(
      args.weights,
      *windows,
      image_size=args.image_size,
      mirror=args.mirror,
      **options,
    )
  return 1 if features.write_features(encoder, clips, args.out) else 0


def list_clips(paths, part: str | None) -> list[str]:
  """Lists the videos of a command, or a part of them; notes go to stderr."""
  import sys

  from i2v_jax.data.sets import given_clips

  given = given_clips.list_clips(paths)
  for note in given.notes:
    print(note, file=sys.stderr)
  return given_clips.choose_part(given.clips, part) if part else given.clips


def _check(args) -> None:
  """Refuses options that do not go together, before anything is read."""
  from i2v_jax.data.loading.window_spans import make_sliding
  from i2v_jax.deploy.prediction.tables import find_kind
  from i2v_jax.runtime.errors import UserError

  if not args.timeline:
    reason = 'is of a timeline; give --timeline too'
    refuse_given(args, ('format', *RULES), reason)
  if args.timeline and args.top is not None:
    raise UserError('A timeline has no --top; give --threshold.')
  if args.out and args.json:
    raise UserError('--json prints, --out writes; leave one out.')
  if args.format and (not args.out or find_kind(args.out)):
    raise UserError('--format is of a folder of timelines; give it as --out.')
  if args.window is not None or not args.timeline:
    make_sliding(args.window, args.step)
  check_thresholds(args.threshold)


def check_thresholds(thresholds: list[tuple[str | None, float]]) -> None:
  """Refuses two thresholds of one class."""
  from i2v_jax.runtime.errors import UserError

  names = [name for name, _ in thresholds]
  for name in names:
    if names.count(name) > 1:
      whose = 'all classes' if name is None else f'the class {name!r}'
      raise UserError(f'--threshold of {whose} is given twice; leave one out.')


def add(command, *add_shared) -> None:
  """Adds the commands; `add_shared` add what other commands have too."""
  sub = command('predict', predict, 'Recognise actions in videos.')
  for add_arguments in add_shared:
    add_arguments(sub)
  prediction_arguments.add_reading(sub)
  prediction_arguments.add_results(sub)
  sub = command('features', features, 'Compute vectors of videos.')
  prediction_arguments.add_reading(sub)
  prediction_arguments.add_vectors(sub)
