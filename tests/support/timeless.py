"""Records of runs, to be compared with those of other runs."""

import json

TIMES = ('time', 'step_seconds', 'data_seconds')


def read_records(workdir):
  """The records of `metrics.jsonl` without what a clock has measured."""
  lines = (workdir / 'metrics.jsonl').read_text(encoding='utf-8').splitlines()
  return [
    {k: v for k, v in json.loads(line).items() if k not in TIMES}
    for line in lines
  ]
