"""`i2v neighbours`: nearest videos, classes by them, and near-duplicates."""

import os

from i2v_jax.cli.numbers import count, share
from i2v_jax.cli.prediction_arguments import add_encoder


def neighbours(args) -> None:
  _check(args)
  from i2v_jax.data.sets import feature_files
  from i2v_jax.deploy import neighbours
  from i2v_jax.deploy.prediction import tables

  if args.out:
    tables.check_output(args.out, ('.csv',))
  features = feature_files.read(args.features)
  number = args.count or neighbours.COUNT
  if args.classify:
    _classify(args, features, number)
    return
  queries = features
  if args.duplicates is not None:
    pairs = neighbours.find_duplicates(features, args.duplicates)
    title = f'{len(pairs):,} pairs of similarity {args.duplicates:g} or more'
  elif args.query is None:
    pairs = neighbours.find_neighbours(features, features, args.count or 1)
    title = f'Nearest of {len(features):,} vectors'
  else:
    queries = _find_query(args, features)
    pairs = neighbours.find_neighbours(queries, features, number)
    title = f'Nearest to {args.query}'
  neighbours.print_pairs(pairs, queries, features, title)
  if args.out:
    neighbours.write_pairs(args.out, pairs, queries, features)


def _classify(args, features, number: int) -> None:
  from i2v_jax.data.sets import feature_files, feature_labels
  from i2v_jax.deploy import neighbours

  labels = feature_labels.read_labels(args.labels) if args.labels else None
  train = feature_files.read(args.classify)
  found = neighbours.classify(features, train, labels, number)
  neighbours.print_classified(found, train, number)
  if args.out:
    neighbours.write_classified(args.out, found, features, train)


def _find_query(args, features):
  """Finds the rows of --query, or encodes it."""
  from i2v_jax.data.sets import feature_rows
  from i2v_jax.runtime.errors import MissingFileError, UserError

  rows = feature_rows.find_rows(features, args.query)
  if len(rows):
    return features.choose(rows)
  if not os.path.exists(args.query):
    raise MissingFileError(
      f'{args.query} is neither in {features.path} nor a file; give a video or '
      'the number of a row.'
    )
  if not (args.workdir or args.weights):
    raise UserError(
      f'{args.query} is not in {features.path}; give the model of that file by '
      '--workdir or --weights to encode it.'
    )
  from i2v_jax.deploy import query
  from i2v_jax.runtime import compilation

  compilation.cache_for_user()
  return query.encode_query(features, args.query, args.workdir, args.weights)


def _check(args) -> None:
  """Refuses options that do not go together, before anything is read."""
  from i2v_jax.runtime.errors import UserError

  if args.labels and not args.classify:
    raise UserError('--labels are of --classify; give it too.')
  if args.count is not None and args.duplicates is not None:
    raise UserError('--duplicates lists all pairs; leave --count out.')
  if (args.workdir or args.weights) and args.query is None:
    raise UserError('--workdir and --weights encode a --query; give it too.')


def add(command) -> None:
  sub = command('neighbours', neighbours, 'Find similar videos by vectors.')
  add = sub.add_argument
  add('features', metavar='FILE', help='.npz or .parquet of i2v features.')
  what = sub.add_mutually_exclusive_group()
  what.add_argument(
    '--query',
    metavar='CLIP|ROW',
    help='Find the nearest to a video, by path or base name, or to a row, '
    'counted from 0 (default: the nearest of every row).',
  )
  what.add_argument(
    '--classify',
    metavar='TRAIN',
    help='Measure how often the nearest in this file vote for the right '
    'class; can be the same file.',
  )
  what.add_argument(
    '--duplicates',
    type=share,
    metavar='SIMILARITY',
    help='List all pairs of at least this similarity, such as 0.98.',
  )
  add(
    '--count',
    type=count,
    metavar='N',
    help='Neighbours of each vector (default: 5, and 1 of every row).',
  )
  add(
    '--labels',
    metavar='FILE.csv',
    help='Classes, with the columns file and label (default: the name of the '
    'folder a video is in).',
  )
  encodes = 'encodes a --query that is not in FILE'
  add_encoder(sub, of_run=encodes, of_image_model=encodes)
  add('--out', metavar='FILE.csv', help='Write the result as a table.')
