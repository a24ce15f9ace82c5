"""Downloads weights from the Hugging Face hub into its local cache."""

import pathlib

from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
  HfHubHTTPError,
  HFValidationError,
  LocalEntryNotFoundError,
  RepositoryNotFoundError,
  RevisionNotFoundError,
)

from i2v_jax.runtime.errors import MissingFileError, UserError
from i2v_jax.weights import folders

# Kinds of weights, best first; a repository often has the same in several.
KINDS = (
  (
    'model.safetensors',
    'model.safetensors' + folders.INDEX,
    'model-*.safetensors',
  ),
  ('open_clip_model.safetensors',),
  (
    'pytorch_model.bin',
    'pytorch_model.bin' + folders.INDEX,
    'pytorch_model-*.bin',
  ),
  ('open_clip_pytorch_model.bin',),
)


def download(name: str) -> pathlib.Path:
  """Downloads `ORG/NAME` or `ORG/NAME@REVISION`; returns the local folder.

  Raises:
    FileNotFoundError: it is neither in the cache nor on the hub, or has no
      weights.
    UserError: the name is not one of a repository.
  """
  repo, _, revision = name.partition('@')
  for kind in KINDS:
    folder = _download_files(repo, revision or None, [*folders.CONFIGS, *kind])
    if any((folder / file).is_file() for file in folders.NAMES):
      return folder
  raise MissingFileError(
    f'{name} on the Hugging Face hub holds none of {", ".join(folders.NAMES)}.'
  )


def _download_files(repo: str, revision: str | None, patterns) -> pathlib.Path:
  try:
    return pathlib.Path(
      snapshot_download(repo, revision=revision, allow_patterns=patterns)
    )
  except HFValidationError as error:
    raise UserError(
      f'{f"hf:{repo}"!r} is not a repository; write hf:ORG/NAME or '
      'hf:ORG/NAME@REVISION.'
    ) from error
  except (RepositoryNotFoundError, RevisionNotFoundError) as error:
    raise MissingFileError(
      f'The Hugging Face hub shows no {repo} at revision '
      f'{revision or "main"}; check the spelling, or log in with '
      '`hf auth login`.'
    ) from error
  except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
    raise MissingFileError(
      f'{repo} is neither in the local cache nor reachable on the Hugging Face '
      f'hub ({type(error).__name__}); download it to a folder elsewhere and '
      'give that as weights'
    ) from error
