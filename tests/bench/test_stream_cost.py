"""`i2v bench --stream`: what is measured and refused; speed is not tested."""

import copy
import json

import numpy as np
import pytest
import small

from i2v_jax import cli, streaming
from i2v_jax.bench import measure, stream, stream_table, timing
from i2v_jax.runtime import process
from i2v_jax.runtime.errors import UserError
from i2v_jax.training import config_files, counts, experiment

SMOKE = 'configs/stream_folder.py:smoke'
CAUSAL = dict(name='st_adapter', causal=True, rank=4)


def i2v(*args):
  with pytest.raises(SystemExit) as done:
    cli.main(['bench', *map(str, args)])
  return done.value.code


def config_of(adapter, **model):
  """A config of one block whose method is another."""
  config = experiment.to_plain(config_files.load_config(SMOKE))
  config['model'] |= {'adapter': adapter} | model
  config['model']['backbone'] |= {'depth': 1}
  config['clip'] |= {'age': 0}  # which what does not stream cannot have
  return config


@pytest.fixture(scope='module')
def written(tmp_path_factory):
  """What the command found for three streams."""
  out = tmp_path_factory.mktemp('costs') / 'sub' / 'found.json'
  numbers = ('--batch-size', 3, '--rounds', 2, '--frames', 30)
  depth = ('--set', 'model.backbone.depth=1')
  command = ('--stream', '--config', SMOKE, *depth, *numbers, '--out', out)
  assert i2v(*command) == 0
  return json.loads(out.read_text(encoding='utf-8'))


def test_the_command_measures_and_writes(written):
  assert written.keys() == {'config', 'set', 'conditions', 'models'}
  conditions = written['conditions']
  assert conditions['num_classes'] == 4 and conditions['batch_size'] == 3
  assert conditions['dtype'] == 'float32' and conditions['frames'] == 30
  image, trained, merged = written['models'].values()
  assert image.keys() == {'frame_seconds', 'of_image'}
  assert image['of_image'] == 1.0
  for row in (trained, merged):
    assert row['window_seconds'] > 0 and row['window_of_frame'] > 0
  assert merged.keys() - trained.keys() == {'latency_seconds', 'resident_bytes'}


def test_a_step_is_compiled_once_however_many_frames_it_reads(written):
  _, trained, merged = written['models'].values()
  assert trained['programs'] == merged['programs'] == 1


def test_latencies_are_in_order_and_memory_is_that_of_the_process(written):
  *_, merged = written['models'].values()
  latency = [merged['latency_seconds'][key] for key in ('50', '90', '99')]
  latency.append(merged['latency_seconds']['max'])
  assert latency[0] > 0 and latency == sorted(latency)
  for size in merged['resident_bytes'].values():
    assert 2**26 < size < 2 * process.read_peak_bytes()


def test_bytes_are_those_of_the_state(written):
  """Keys and values of 2 heads of 4 channels, of 5 tokens; 7 vectors of 32."""
  for row in list(written['models'].values())[1:]:
    assert row['state_bytes'] == {
      'blocks': 2 * 2 * 5 * 4 * 4,
      'readout': 7 * 128,
    }
    assert row['batch_state_bytes'] == 3 * sum(row['state_bytes'].values())


def show(found, capsys):
  """The table, blanks as one."""
  stream_table.show(found, 'mine')
  lines = capsys.readouterr().out.splitlines()
  return '\n'.join(' '.join(line.split()) for line in lines)


def test_the_table_shows_each_cost_where_it_belongs(written, capsys):
  written = copy.deepcopy(written)
  image, trained, merged = written['models'].values()
  times = (image, 0.1, 1.0), (trained, 0.12, 1.2), (merged, 0.104, 1.04)
  for row, seconds, ratio in times:
    row |= {'frame_seconds': seconds, 'of_image': ratio}
  for row, seconds, ratio in ((trained, 0.9, 7.5), (merged, 0.8, 7.75)):
    row |= {'window_seconds': seconds, 'window_of_frame': ratio}
  merged['latency_seconds'] = {'50': 0.1, '90': 0.2, '99': 0.3, 'max': 0.4}
  merged['resident_bytes'] = {'before': 2**30, 'after': 2**30 + 2**19}
  text = show(written, capsys)
  for line in (
    'mine: ViT width 32, 8 frames, 4 classes; float32, cpu, 3 streams, ',
    'new frame of a stream, ms 100.00 120.00 104.00',
    'to the image model 1.000 1.200 1.040',
    'a clip of 8 frames instead, ms 900.00 800.00',
    'to a new frame 7.500 7.750',
    'latency, median, ms 100.00',
    'of 90 % at most 200.00',
    'of all 30 frames 400.00',
    'state of a stream, bytes 1,216 1,216',
    'state of 3 streams, bytes 3,648 3,648',
    'memory of the process, MiB 1,024.0',
    '30 frames later 1,024.5',
    'difference +0.5',
    'programs compiled for steps 1 1',
    'latency is that of the batch',
  ):
    assert line in text


def test_one_stream_needs_no_row_for_a_batch(written, capsys):
  written = copy.deepcopy(written)
  written['conditions'] |= {'batch_size': 1}
  *_, merged = written['models'].values()
  merged['resident_bytes'] = {'before': None, 'after': None}
  text = show(written, capsys)
  assert '1 stream, ' in text and 'state of 1 streams' not in text
  assert 'latency is that of the batch' not in text
  assert text.count('unknown') == 3


def measure_untimed(config, monkeypatch, **options):
  """Costs, and the calls by name that were timed, each called once."""
  turns = []

  def alternate(runs, rounds):
    turns.append({name: run() for name, run in runs.items()})
    return {name: np.ones(rounds) for name in runs}

  monkeypatch.setattr(timing, 'alternate', alternate)
  found = stream.measure_stream(config, stream.Options(**options))
  return found, turns


def test_a_frame_is_compared_with_one_pass_and_a_clip_with_a_frame(monkeypatch):
  lengths = {}

  def compile_forward(model, params, batch):
    lengths[counts.find_method_name(model)] = model.num_frames, batch
    return lambda: None, None

  monkeypatch.setattr(timing, 'compile_forward', compile_forward)
  config = config_of(CAUSAL)
  found, turns = measure_untimed(config, monkeypatch, batch_size=2, frames=7)
  assert lengths == {'no adapter': (1, 2), 'st_adapter': (8, 2)}
  first, second, _, _ = turns
  assert list(first) == [counts.IMAGE, 'st_adapter']
  assert list(second) == ['window', 'frame']
  # The method is not merged, so it is deployed as it is trained.
  assert list(found['models']) == [counts.IMAGE, 'st_adapter']
  row = found['models']['st_adapter']
  assert row['frame_seconds'] == 0.5 and row['latency_seconds']['max'] == 1.0
  ages = [state['age'].tolist() for state, _ in turns[-1].values()]
  assert ages == [[4, 4]]  # one stream goes on from turn to turn


def test_a_stream_goes_on_from_frame_to_frame():
  model = small.build(CAUSAL, depth=1, temporal_embedding=False)
  read_frame, program = stream.start_streams(model, small.random(model), 2)
  ages = [read_frame()[0]['age'].tolist() for _ in range(3)]
  assert ages == [[1, 1], [2, 2], [3, 3]]
  assert program._cache_size() == 1
  assert read_frame()[1].shape == (2, 3)


@pytest.mark.parametrize('name', ['batch_size', 'rounds', 'frames'])
def test_less_than_one_is_refused(name):
  flag = name.replace('_', '-')
  with pytest.raises(UserError, match=f'--{flag} is 0; it is at least 1'):
    stream.Options(**{name: 0})


def refuse_to_measure(monkeypatch):
  monkeypatch.setattr(measure, 'draw_params', None)


def test_a_model_that_does_not_stream_is_refused_as_everywhere(monkeypatch):
  refuse_to_measure(monkeypatch)
  config = config_of(dict(name='zeroi2v', offsets=(1,), rank=4))
  model = experiment.build_model(config, 4)
  with pytest.raises(UserError) as told:
    streaming.check(model)
  with pytest.raises(UserError) as found:
    stream.measure_stream(config, stream.Options())
  assert str(found.value) == str(told.value)


def test_the_command_says_why_a_model_does_not_stream(monkeypatch, capsys):
  refuse_to_measure(monkeypatch)
  assert i2v('--stream', '--config', 'configs/quickstart.py') == 1
  assert 'This model cannot read a stream: its off' in capsys.readouterr().err


@pytest.mark.parametrize(
  ('options', 'error'),
  [
    (('--stream', '--clips', 9), '--clips does not go with --stream'),
    (('--stream', '--no-training'), '--no-training does not go with --str'),
    (('--stream', '--no-loader'), '--no-loader does not go with --stream'),
    (('--stream', '--measure-peak'), '--measure-peak does not go with --s'),
    (('--stream', '--count-only'), '--count-only does not go with --stream'),
    (('--frames', 9), '--frames is an option of --stream'),
    (('--stream', 'published'), '--stream does not go with published'),
    (('--count-only', 'published'), '--count-only does not go with publi'),
  ],
)
def test_options_without_a_use_are_refused(options, error, monkeypatch, capsys):
  refuse_to_measure(monkeypatch)
  assert i2v(*options) == 1
  assert error in capsys.readouterr().err


def test_without_a_config_it_is_the_one_for_streams(monkeypatch):
  seen = []

  def note(config, options):
    seen.append((config['clip']['age'], options.num_classes))
    raise UserError('Seen.')

  monkeypatch.setattr(stream, 'measure_stream', note)
  assert i2v('--stream') == i2v('--stream', '--classes', 7) == 1
  given = ('--stream', '--config', 'configs/stream_folder.py')
  assert i2v(*given) == 1
  assert seen == [(8, 400), (8, 7), (8, 0)]
