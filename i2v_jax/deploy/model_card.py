"""Model cards made of measured facts; unknown facts are left out."""

from collections.abc import Mapping, Sequence
from typing import Any

HEAD = """---
library_name: i2v_jax
pipeline_tag: video-classification
{base_model}---

# {name}

A video classifier of {classes} classes, {origin}.

| | |
|---|---|
{rows}
"""
# Key of an accuracy -> its heading.
CLIPS = {'top1': 'top-1', 'top5': 'top-5', 'mean_class': 'mean class'}
LABELS = {'mAP': 'mAP', 'f1_micro': 'micro F1', 'f1_macro': 'macro F1'}
BOXES = {'mAP': 'mAP at IoU 0.5'}
EVALUATION = """
## Evaluation

| {head} | views | frames | split | weights |
|{line}---|---|---|---|
{rows}
"""
PREPROCESSING = """
## Preprocessing

RGB in 0..1, minus {mean}, divided by {std}. {num_frames} frames, {sampling}
sampling{stride}, {image_size} x {image_size} pixels; test views: {clips} clips
along time x {crops} crops. All of it is in {file}.
"""
PREDICT = """
## Use

```
i2v pull hf:{name} --out {short}
i2v predict --workdir {short} clip.mp4
```
"""
READ = """
## Use

`i2v pull hf:{name} --out {short}` gets the files. They run without i2v_jax; its
`docs/weights_out.md` has the function that does it (format `{format}`).
"""
USE = {  # by format
  'merged': PREDICT,
  'full': PREDICT,
  'adapter': PREDICT,
  'clip': READ,
  'stablehlo': READ,
  'stablehlo-stream': READ,
}


def make_card(name: str, facts: Mapping[str, Any]) -> str:
  """Makes the README.md of a repository.

  Args:
    name: ORG/NAME.
    facts: as an export holds them, see `facts.collect_facts`.
  """
  weights = facts.get('base', {}).get('weights', '')
  hub = weights.removeprefix('hf:').partition('@')[0]
  parts = [
    HEAD.format(
      name=name.partition('/')[2],
      classes=facts['classes'],
      origin=_describe_origin(facts),
      base_model=f'base_model: {hub}\n' if weights.startswith('hf:') else '',
      rows='\n'.join(
        f'| {key} | {value} |' for key, value in _make_rows(facts)
      ),
    )
  ]
  if facts['evaluations']:
    parts.append(_describe_evaluations(facts['evaluations']))
  parts.append(_describe_preprocessing(facts))
  kind, short = facts['format'], name.partition('/')[2]
  parts.append(USE[kind].format(name=name, short=short, format=kind))
  return ''.join(parts)


def _make_rows(facts: Mapping[str, Any]):
  """Yields the names and values of the known facts."""
  yield 'format', f'`{facts["format"]}`'
  yield (
    'method',
    _describe_method(facts['adapter']) if facts['adapter'] else 'no adapter',
  )
  if facts['temporal_operator']:
    yield 'temporal operator', _describe_method(facts['temporal_operator'])
  yield 'image model', _join_options(facts['backbone'])
  if 'base' in facts:
    sha256 = facts['base'].get('sha256')
    frozen = f', sha256 of the frozen part `{sha256}`' if sha256 else ''
    yield 'image weights', f'`{facts["base"]["weights"]}`{frozen}'
  if 'trained_parameters' in facts:
    trained, total = facts['trained_parameters'], facts['parameters']
    yield 'parameters trained', f'{trained:,} of {total:,}'
  if 'data' in facts:
    yield 'data', f'format `{facts["data"]}`'
  if 'step' in facts:
    yield 'steps', f'{facts["step"]:,}'
  if 'merge_max_diff' in facts:
    yield 'merging changed', f'logits of noise by {facts["merge_max_diff"]:.1e}'


def _describe_method(spec: Mapping[str, Any]) -> str:
  options = {key: value for key, value in spec.items() if key != 'name'}
  return (
    f'{spec["name"]} ({_join_options(options)})' if options else spec['name']
  )


def _join_options(options: Mapping[str, Any]) -> str:
  return ', '.join(f'{key} {value}' for key, value in options.items())


def _describe_evaluations(reports: Sequence[Mapping[str, Any]]) -> str:
  """Describes evaluations of clips, or of boxes, in a table."""
  kinds = CLIPS, LABELS, BOXES
  columns = next(x for x in kinds if {*x} <= {*reports[0]['accuracy']})
  rows = [_make_evaluation_row(report, [*columns]) for report in reports]
  unit = reports[0].get('unit', 'videos')  # which older reports do not say
  head = ' | '.join([*columns.values(), unit])
  line = '---|' * (len(columns) + 1)
  return EVALUATION.format(head=head, line=line, rows='\n'.join(rows))


def _make_evaluation_row(report: Mapping[str, Any], keys: Sequence[str]) -> str:
  shares = [f'{report["accuracy"][key]:.2%}' for key in keys]
  counted = f'{report["decoded"]} of {report["listed"]}'
  split = f'`{report["split_sha256"]}`'
  of = f'run, step {report["step"]}' if 'step' in report else 'exported'
  cells = [*shares, counted, report['views'], report['frames'], split, of]
  return f'| {" | ".join(cells)} |'


def _describe_preprocessing(facts: Mapping[str, Any]) -> str:
  known = facts['preprocessing']
  clip = known['clip']
  stride = _describe_stride(clip) if clip['sampling'] == 'dense' else ''
  in_metadata = facts['format'] == 'adapter'
  return PREPROCESSING.format(
    **known['normalization'],
    **clip | {'stride': stride},
    file='the metadata of the file' if in_metadata else '`facts.json`',
  )


def _describe_origin(facts: Mapping[str, Any]) -> str:
  if made_from := facts.get('made_from'):
    return f'converted from {made_from["file"]} ({made_from["format"]})'
  return 'trained with i2v_jax'


def _describe_stride(clip: Mapping[str, Any]) -> str:
  return f' with a stride of {clip["stride"]}' if clip['stride'] > 1 else ''
