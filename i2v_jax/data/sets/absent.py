"""Listed videos that are not there, and folders with other counts of frames."""

import contextlib
import os
from collections.abc import Sequence
from typing import NamedTuple

from i2v_jax.data.sets import listing
from i2v_jax.data.sets.look_up import LookUp
from i2v_jax.data.videos import frame_files
from i2v_jax.runtime.errors import UserError


class Miscounted(NamedTuple):
  """A folder of frames whose list gives another number of frames."""

  id: str
  listed: int
  there: int
  line: int  # Of the list.


def find_miscounted(there) -> tuple[Miscounted, ...]:
  """Finds the folders of frames whose list gives another number of frames."""
  found = []
  for row, place in there:
    if row.frames is None or not os.path.isdir(place.path):
      continue
    with contextlib.suppress(UserError):  # opening it reports this
      count = len(frame_files.list_frames(place.path).names)
      if count != row.frames:
        found.append(Miscounted(place.id, row.frames, count, row.line))
  return tuple(found)


def describe_counts(listed, miscounted: Sequence[Miscounted]) -> str:
  """Describes folders of frames that are counted wrongly, and the way out."""
  first, number = miscounted[0], len(miscounted)
  problem = f'{number} of {len(listed.rows)} folders of frames hold more or'
  problem += f' fewer than {listed.file} says: {first.id!r} in line'
  problem += f' {first.line} has {first.there}, not {first.listed}'
  way_out = "extract them again, correct the list, or set on_missing='skip'"
  return f'{problem}: {way_out} to use what is there'


def make_id(row: listing.Row) -> str:
  """Makes the id of a missing video, as if in the first place to look."""
  name = os.path.normpath(os.path.join(row.folders[0], row.names[0]))
  return name.replace(os.sep, '/')


def describe_missing(
  root: str,
  listed: listing.Listing,
  missing: Sequence[listing.Row],
  look_up: LookUp,
) -> str:
  """Describes missing videos, where the first was looked for, the way out."""
  names = ', '.join(repr(make_id(row)) for row in missing[:3])
  more = ', ...' if len(missing) > 3 else ''
  first = missing[0]
  where = f', line {first.line} of {listed.file},' if first.line else ''
  tried = os.path.join(root, first.folders[0], first.names[0])
  near = look_up.describe_near(first)
  near = f'; {near}' if near else ''
  problem = f'{len(missing)} of {len(listed.rows)} listed videos are not in'
  if listed.official:
    names += f'{more}; the published split has {listed.official}'
    more = ''
  problem += f' {root} ({names}{more}): the first{where} is not at {tried}'
  way_out = "check the root and 'videos'"
  if len(missing) < len(listed.rows):
    way_out += ", or set on_missing='skip' to leave them out and count them"
  return f'{problem}{near}; {way_out}'
