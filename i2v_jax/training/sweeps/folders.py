"""Folders of the variants of a sweep."""

import re


def name_folder(variant: str) -> str:
  """The name of a variant as a valid folder name on any system."""
  return re.sub(r'[^\w.,+=-]+', '_', variant).strip('._')
