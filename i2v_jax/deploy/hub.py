"""`i2v push`, `i2v pull`: exports on the Hugging Face hub."""

import contextlib
import json
import pathlib
import re

from huggingface_hub import CommitOperationAdd, HfApi, errors
from huggingface_hub.utils import validate_repo_id

from i2v_jax.deploy import model_card
from i2v_jax.runtime import files
from i2v_jax.runtime.console import console
from i2v_jax.runtime.errors import FileError, UserError
from i2v_jax.training import experiment
from i2v_jax.training.facts import collect_evaluations, is_local, read_facts

CARD = 'README.md'
FILES = (  # all files of an export, in any format; others stay here
  CARD,
  'adapter.safetensors',
  'classes.json',
  'config.json',
  'facts.json',
  'model.safetensors',
  'model.stablehlo',
)


def push(folder, repository: str) -> str:
  """Uploads an export with a model card; creates the repository if needed.

  The model card is the folder's `README.md`, or is made of the facts. The
  path of the data is not sent.

  Args:
    folder: export of `i2v export`, in any format.
    repository: `hf:ORG/NAME`.

  Returns:
    The address of the repository.

  Raises:
    UserError: the folder is not an export, or names its image weights by a
      path.
    OSError: the hub cannot be reached, or refuses.
  """
  folder, (name, revision) = pathlib.Path(folder), parse_repository(repository)
  if revision:
    raise UserError(f'{repository} has a revision; push to hf:{name}.')
  known = _read_facts(folder)
  contents = {
    CARD: model_card.make_card(name, known).encode(),
    **_collect_contents(folder),
  }
  files = [CommitOperationAdd(*file) for file in contents.items()]
  with _explain_network_errors(name, 'log in with `hf auth login`'):
    api = HfApi()
    address = str(api.create_repo(name, exist_ok=True))
    message = f'i2v_jax export, format {known["format"]}'
    api.create_commit(name, files, commit_message=message)
  console.print(f'{folder} is at {address}')
  return address


def pull(repository: str, out) -> pathlib.Path:
  """Downloads an export from the hub.

  Args:
    repository: `hf:ORG/NAME` or `hf:ORG/NAME@REVISION`.
    out: new folder.

  Raises:
    UserError: `out` is a file, or a folder that is not empty; or the
      repository holds no export.
    OSError: the hub cannot be reached, or refuses.
  """
  out, (name, revision) = pathlib.Path(out), parse_repository(repository)
  if out.exists() and not out.is_dir():
    raise UserError(f'{out} is not a folder; choose another --out.')
  if out.exists() and any(out.iterdir()):
    raise UserError(f'{out} is not empty; choose another --out.')
  part = out.with_name(f'{out.name}.part')  # renamed once all files are there
  with _explain_network_errors(
    name, 'log in with `hf auth login` if it is private'
  ):
    HfApi().snapshot_download(
      name,
      revision=revision or None,
      local_dir=part,
      allow_patterns=list(FILES),
    )
  known = read_facts(part)
  if 'format' not in known:
    raise UserError(
      f'{name} holds no export of i2v_jax; image weights are given as '
      f'weights=hf:{name} instead.'
    )
  part.rename(out)
  console.print(f'{out}: format {known["format"]}, from {repository}')
  return out


def parse_repository(repository: str) -> tuple[str, str]:
  """Splits `hf:ORG/NAME@REVISION` in two; the revision may be ''."""
  found = re.fullmatch(r'hf:([\w.-]+/[\w.-]+)(?:@(.+))?', repository)
  try:
    validate_repo_id(found[1] if found else '')
  except errors.HFValidationError as error:
    raise UserError(
      f'{repository!r} is not a repository; write hf:ORG/NAME, or '
      'hf:ORG/NAME@REVISION for an older state.'
    ) from error
  return found[1], found[2] or ''


def _read_facts(folder: pathlib.Path) -> dict:
  """Reads the facts of an export, with the evaluations made since."""
  files.check_finished(folder)
  known = read_facts(folder)
  if 'format' not in known:
    raise UserError(
      f'{folder} is not an export with facts.json or adapter.safetensors; '
      'write it with i2v export.'
    )
  keys = ('weights_sha256', 'evaluations')
  files.check_keys(known, keys, folder / 'facts.json')
  config = known.get('config')
  weights = experiment.find_weights_source(config) if config else ''
  if weights and is_local(weights):
    raise UserError(
      f'{folder} names its image weights by a local path, {weights}; '
      'export it again with --weights hf:ORG/NAME.'
    )
  identity = {'weights_sha256': known['weights_sha256']}
  reports = collect_evaluations(folder, identity, known['evaluations'])
  return known | {'evaluations': reports}


def _collect_contents(folder: pathlib.Path) -> dict[str, pathlib.Path | bytes]:
  """Collects the files to send, by name."""
  found = {name: folder / name for name in FILES if (folder / name).is_file()}
  if 'config.json' in found:
    config = files.read_json(found['config.json'])
    if 'data' in config:
      config['data']['root'] = ''
    found['config.json'] = (json.dumps(config, indent=2) + '\n').encode()
  return found


@contextlib.contextmanager
def _explain_network_errors(name: str, way_out: str):
  """Turns network errors into one sentence."""
  try:
    yield
  except (OSError, errors.HTTPError) as error:
    reason = (str(error).splitlines() or [''])[0].rstrip('.')
    raise FileError(
      f'{name} cannot be reached on the Hugging Face hub '
      f'({type(error).__name__}: {reason}); check the name and the network, or '
      f'{way_out}.'
    ) from error
