"""Where the keys of a config have their values from."""

import pytest

from i2v_jax.training.report import origins


@pytest.mark.parametrize(
  ('command', 'file', 'keys'),
  [
    (
      'python -m i2v_jax.main --config configs/a.py:smoke',
      'configs/a.py:smoke',
      (),
    ),
    ('i2v train --config=a.py --config.lr=1', 'a.py', ('lr',)),
    ("i2v train -config a.py '--config.a.b' 2", 'a.py', ('a.b',)),
    ('i2v sweep --config a.py --set x.y=3', 'a.py', ('x.y',)),
    ('x --config a.py --batch_size=auto', 'a.py', ('batch_size',)),
    ("x --config 'it''s a.py' --config.n='1 2'", 'its a.py', ('n',)),
    ("x --config a.py 'cut off", 'a.py', ()),
    ('', '', ()),
  ],
)
def test_commands_are_parsed(command, file, keys):
  assert origins.parse_command(command) == (file, keys)


def load(name='configs/quickstart.py', argument='smoke'):
  return origins.flatten(origins._load_shipped(f'{name}:{argument}'))


def nest(flat):
  found = {}
  for name, value in flat.items():
    *above, key = name.split('.')
    node = found
    for part in above:
      node = node.setdefault(part, {})
    node[key] = value
  return found


def test_keys_are_told_apart():
  flat = load()
  flat |= {
    'optimizer.lr': 0.5,
    'steps': 77,
    'data.root': '/a/runs/smoke-digits',
  }
  command = 'x --config configs/quickstart.py:smoke --config.optimizer.lr=0.5'
  found = origins.find_origins(nest(flat), command)
  assert found.shipped and found.file == 'configs/quickstart.py:smoke'
  assert [(k.name, k.value) for k in found.given] == [('optimizer.lr', 0.5)]
  assert found.given[0].before == 0.003
  assert [(k.name, k.value) for k in found.other] == [('steps', 77)]
  of_file = {k.name: (k.value, k.before) for k in found.from_file}
  assert of_file['clip.stride'] == (1, 16)
  assert 'seed' in {k.name for k in found.defaults}


def test_a_file_that_is_not_ours_is_not_run(tmp_path):
  path = tmp_path / 'mine.py'
  path.write_text(f'open({str(tmp_path / "ran")!r}, "w")')
  found = origins.find_origins({'seed': 1}, f'x --config {path}')
  assert not found.shipped and found.file == str(path)
  assert [key.name for key in found.from_file] == ['seed']
  assert not (tmp_path / 'ran').exists()


def test_what_the_file_lacks_is_said():
  flat = load() | {'new.key': 1}
  command = 'x --config configs/quickstart.py:smoke'
  found = origins.find_origins(nest(flat), command)
  assert [(k.name, k.note) for k in found.other] == [
    ('new.key', 'not in the file')
  ]
  (key,) = origins.find_origins({'new': 1}, '').from_file
  assert key.note == 'not in the defaults'


def test_an_argument_that_is_gone_is_no_error():
  command = 'x --config configs/quickstart.py:never=1'
  assert not origins.find_origins({'seed': 0}, command).shipped
