"""`i2v report`: what happened in a run, as a page for the browser."""


def report(args) -> None:
  from i2v_jax.deploy.prediction.tables import check_output
  from i2v_jax.training.report import write_report

  if args.out:
    check_output(args.out, ('.html',))
  print(f'written to {write_report(args.workdir, args.out, args.root)}')


def add(command) -> None:
  """Adds the command; `command` makes a subcommand."""
  sub = command('report', report, 'Write the report of a run or a sweep.')
  sub.add_argument(
    '--workdir', required=True, help='Workdir of a run or a sweep.'
  )
  sub.add_argument(
    '--out',
    metavar='FILE.html',
    help='Page to write (default: report.html in the workdir).',
  )
  sub.add_argument(
    '--root', default='', help='New place of the data, if it has moved.'
  )
