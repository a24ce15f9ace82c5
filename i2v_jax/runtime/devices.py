"""Devices that were requested but are missing."""

import os
import sys


def find_missing() -> str:
  """Reports that JAX finds no device of JAX_PLATFORMS, or returns ''.

  Only in a program that has loaded JAX. JAX itself fails an assertion, or names
  the plugin that did not start.
  """
  jax, wanted = sys.modules.get('jax'), os.environ.get('JAX_PLATFORMS')
  if not (jax and wanted):
    return ''
  try:
    jax.devices()
  except (AssertionError, RuntimeError):
    return (
      f'JAX finds no device for JAX_PLATFORMS={wanted}; install its plugin '
      '(for NVIDIA pip install "jax[cuda12]"), or unset JAX_PLATFORMS to use '
      'what is available.'
    )
  return ''
