"""The table of `on_gpu.py`, of the parts that have been measured so far."""

from gpu_attention import PASSES

from i2v_jax.runtime.console import console, make_table

SIDES = ('i2v', 'torch', 'compiled')
NAMES = {'torch': 'PyTorch', 'compiled': 'torch.compile'}
COLUMNS = ('work', 'batch', '', 'i2v', 'torch', 'compiled', 'i2v is')
CAPTION = (
  'i2v is: times as fast as the faster of the other two. MFU: of the matrix '
  'product in the same process. GiB: the most that was allocated.'
)
WAYS = ('xla', 'cudnn')
ATTENTION = ('attention of all blocks', 'batch', 'XLA ms', 'cuDNN ms')
ATTENTION += ('XLA GiB', 'cuDNN GiB')


def describe(part) -> str:
  """Describes a part in words."""
  side = NAMES.get(part['side'], part['side'])
  return f'{part["model"]} {part["work"]}, batch {part["batch"]}, {side}'


def add_mfu(row: dict, flops) -> dict:
  """Adds the share of the matrix product's rate that a work reaches."""
  if 'seconds' not in row:
    return row
  rate = flops[row['config']][row['work']] * row['batch'] / row['seconds']
  return row | {'mfu': rate / row['matmul_flops']}


def show(rows: list[dict]) -> None:
  """Prints the table, what attention costs, and why parts failed."""
  works = [row for row in rows if row['work'] != 'attention']
  console.print(
    make_table(make_title(rows), COLUMNS, list_works(works), CAPTION)
  )
  alone = [row for row in rows if row['work'] == 'attention']
  console.print(make_table('', ATTENTION, list_attention(alone)))
  for row in rows:
    if 'failed' in row:
      console.print(f'{describe(row)}: {row["failed"]}')


def make_title(rows) -> str:
  devices = {row['device'] for row in rows if row.get('platform') == 'gpu'}
  title = ', '.join(sorted(devices)) or 'not on a GPU'
  rates = [row['matmul_flops'] / 1e12 for row in rows if 'matmul_flops' in row]
  if not rates:
    return title
  low, high = f'{min(rates):.3g}', f'{max(rates):.3g}'
  return f'{title}, matrix product of {low} to {high} TFLOP/s'


def list_works(rows):
  """Lists time, MFU and memory of each model, work and batch, a line each."""
  lines = {}
  for row in rows:
    key = f'{row["model"]} {row["work"]}', row['batch']
    lines.setdefault(key, {})[row['side']] = row
  for key, found in lines.items():
    sides = [found.get(side, {}) for side in SIDES]
    shares = (f'{x["mfu"]:.1%}' if 'mfu' in x else '-' for x in sides)
    memory = (to_gib(x.get('peak_bytes')) for x in sides)
    yield None
    yield [*key, 'ms', *map(to_ms, sides), compare(*sides)]
    yield ['', '', 'MFU', *shares, '']
    yield ['', '', 'GiB', *memory, '']


def list_attention(rows):
  """Lists a line for each model, pass and batch; ways are columns."""
  for row in rows:
    for name in PASSES:
      ways = [row.get(name, row).get(way, {}) for way in WAYS]
      times = map(to_ms, ways)
      memory = (to_gib(x.get('planned_bytes')) for x in ways)
      yield [f'{row["model"]} {name}', row['batch'], *times, *memory]


def to_ms(found) -> str:
  if 'out_of_memory' in found:
    return 'out of memory'
  return f'{1e3 * found["seconds"]:.2f}' if 'seconds' in found else '-'


def to_gib(count) -> str:
  return f'{count / 2**30:.2f}' if count else '-'


def compare(ours, *theirs) -> str:
  times = [x['seconds'] for x in theirs if 'seconds' in x]
  if not times or 'seconds' not in ours:
    return '-'
  return f'{min(times) / ours["seconds"]:.2f}x'
