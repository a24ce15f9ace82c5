"""The table of the script for GPUs, from what its parts found."""

import gpu_table

WORK = {'model': 'L/14', 'config': 'c', 'work': 'training', 'batch': 64}
FLOPS = {'c': {'training': 1e12}}
FOUND = {'platform': 'gpu', 'device': 'H200', 'matmul_flops': 8e14}


def show(capsys, *rows):
  made = [gpu_table.add_mfu(WORK | row, FLOPS) for row in rows]
  gpu_table.show(made)
  return capsys.readouterr().out


def line(text, word):
  return next(x.split() for x in text.splitlines() if word in x.split())


def test_sides_are_columns_and_memory_that_ran_out_is_named(capsys):
  text = show(
    capsys,
    {'side': 'torch', 'seconds': 0.5, 'peak_bytes': 2**36} | FOUND,
    {'side': 'i2v', 'seconds': 0.2, 'peak_bytes': 2**35} | FOUND,
    {'side': 'compiled', 'out_of_memory': 'too large'} | FOUND,
  )
  assert 'H200, matrix product of 800 to 800 TFLOP/s' in text
  times = 'L/14 training 64 ms 200.00 500.00 out of memory 2.50x'
  assert line(text, 'ms') == times.split()
  assert line(text, 'MFU') == ['MFU', '40.0%', '16.0%', '-']
  assert line(text, 'GiB') == ['GiB', '32.00', '64.00', '-']


def test_what_failed_is_named_and_what_is_missing_is_a_dash(capsys):
  failed = 'The logits of the two sides differ.'
  text = show(capsys, {'side': 'torch'}, {'side': 'i2v', 'failed': failed})
  assert line(text, 'ms')[-4:] == ['-', '-', '-', '-']
  assert f'L/14 training, batch 64, i2v: {failed}' in text
  assert 'not on a GPU' in text


def test_attention_has_a_line_for_each_pass(capsys):
  ways = {'xla': {'out_of_memory': 'too large'}, 'cudnn': {'seconds': 0.01}}
  ways['cudnn']['planned_bytes'] = 2**30
  found = dict.fromkeys(gpu_table.PASSES, ways)
  text = show(capsys, {'side': 'i2v', 'work': 'attention'} | found | FOUND)
  expected = 'L/14 with gradients 64 out of memory 10.00 - 1.00'
  assert line(text, 'gradients') == expected.split()
  text = show(capsys, {'side': 'i2v', 'work': 'attention'})
  assert line(text, 'gradients')[-4:] == ['-'] * 4
