"""Ranges of values; others are refused in a sentence that names the key.

A rule takes a name and a value. It returns the value, integers as `int` (64.0
is 64), or raises UserError.
"""

import dataclasses
import math
import numbers
import reprlib
from collections.abc import Callable, Mapping
from typing import Any

from i2v_jax.runtime.errors import UserError, check_choice, suggest

Rule = Callable[[str, Any], Any]
INT32 = 2**31 - 1
FLOAT32 = 3.4028234663852886e38  # largest


def refuse(name: str, value, wanted: str):
  """Raises the UserError for a value that is out of its range."""
  raise UserError(f'{name} is {reprlib.repr(value)}; it can be {wanted}.')


@dataclasses.dataclass(frozen=True)
class Number:
  """A finite number in a range.

  Attributes:
    low: lower end.
    high: upper end.
    integer: whether it must be an integer.
    above: whether `low` itself is excluded.
    below: whether `high` itself is excluded.
  """

  low: float = -FLOAT32
  high: float = FLOAT32
  integer: bool = False
  above: bool = False
  below: bool = False

  def __call__(self, name: str, value):
    if not self.holds(value):
      real = isinstance(value, numbers.Real) and value > self.high
      end = self.high if self.high in (INT32, FLOAT32) else 0
      refuse(name, value, f'{self}, at most {end:g}' if real and end else self)
    return int(value) if self.integer else value

  def holds(self, value) -> bool:
    """Whether the value is in the range."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
      return False
    if not self.low <= value <= self.high:  # so for NaN
      return False
    ends = (self.above and value == self.low, self.below and value == self.high)
    return not any(ends) and (not self.integer or value == int(value))

  def __str__(self):
    kind = 'an integer' if self.integer else 'a finite number'
    if self.low > -INT32:
      kind += f' {"above" if self.above else "from"} {self.low:g}'
    if self.high < math.inf and self.high not in (INT32, FLOAT32):
      kind += f' {"below" if self.below else "to"} {self.high}'
    return kind


def integer(low: int = -INT32, high: int = INT32) -> Number:
  """An integer of int32, or of a smaller range."""
  return Number(low, high, integer=True)


def flag(name: str, value) -> bool:
  """True or False."""
  if not isinstance(value, bool):
    refuse(name, value, 'True or False')
  return value


def text(name: str, value) -> str:
  """A string, which may be empty."""
  if not isinstance(value, str):
    refuse(name, value, 'a string')
  return value


def one_of(*known) -> Rule:
  """One of the values named, of the same type."""

  def check(name, value):
    check_choice(name, value, known)
    return known[known.index(value)]

  return check


def anything(name: str, value):
  """Any value, which is checked elsewhere."""
  del name
  return value


def off_or(rule: Number) -> Rule:
  """0 for off, or a number in another range."""

  def check(name, value):
    if Number(0, 0).holds(value):
      return value
    if not rule.holds(value):
      refuse(name, value, f'0 for off, or {rule}')
    return rule(name, value)

  return check


def list_of(rule: Rule, *lengths: int) -> Rule:
  """A list of values of a rule, of one of the lengths if any are given."""

  def check(name, value):
    if not isinstance(value, list | tuple):
      refuse(name, value, 'a list')
    if lengths and len(value) not in lengths:
      counts = ' or '.join(map(str, lengths))
      refuse(name, value, f'a list of {counts} values')
    return tuple(rule(f'{name}[{i}]', x) for i, x in enumerate(value))

  return check


def mapping_of(rule: Rule) -> Rule:
  """A mapping of names to values of a rule."""

  def check(name, value):
    if not isinstance(value, Mapping) and not hasattr(value, 'items'):
      refuse(name, value, 'a mapping of names to values')
    return {text(name, k): rule(f'{name}.{k}', v) for k, v in value.items()}

  return check


def options_of(rules: Mapping[str, Rule]) -> Rule:
  """A mapping of some of the names in `rules` to values of their rules."""

  def check(name, value):
    found = mapping_of(anything)(name, value)
    for key in found:
      check_choice(f'an option of {name}', key, rules)
    return {key: rules[key](f'{name}.{key}', x) for key, x in found.items()}

  return check


def none_or(rule: Rule) -> Rule:
  """None for off, or a value of another rule."""
  return lambda name, value: None if value is None else rule(name, value)


# Ranges that several parts share.
COUNT, FROM_0 = integer(1), integer(0)
POSITIVE, NOT_NEGATIVE = Number(0, above=True), Number(0)
SHARE, RATE = Number(0, 1), Number(0, 1, below=True)


def odd(name: str, value) -> int:
  """The size of a kernel that has a centre."""
  if not (COUNT.holds(value) and value % 2):
    refuse(name, value, 'an odd integer from 1')
  return int(value)


def rank(name: str, value):
  """A number of channels (64.0 is 64), or a share of the width below 1.

  1.0 is refused: it may mean one channel or the full width.
  """
  share = Number(0, 1, above=True, below=True)
  one = isinstance(value, float) and value == 1
  if one or not (COUNT.holds(value) or share.holds(value)):
    wanted = 'an integer number of channels, or a share of the width above 0'
    refuse(name, value, f'{wanted} and below 1; 1.0 may mean either')
  return value if value < 1 else int(value)


def check_named(key: str, spec, known: Mapping) -> dict[str, Any]:
  """A `{'name': …, option: value, …}`, or a name alone, with checked options.

  Args:
    key: of the config, for errors.
    spec: options that are None are left out.
    known: name -> object whose `options` map an option to its rule.

  Raises:
    UserError: an unknown name or option, or a value out of its range.
  """
  if isinstance(spec, str):
    spec = {'name': spec}
  if not hasattr(spec, 'items'):
    wanted = 'a name, a mapping such as {"name": …, option: value}, or None'
    refuse(key, spec, wanted)
  spec = {k: v for k, v in spec.items() if v is not None}
  name = spec.pop('name', None)
  check_choice(f'{key}.name', name, sorted(known))
  rules = known[name].options
  if unknown := sorted(set(spec) - set(rules)):
    has = ', '.join(sorted(rules))
    near = suggest(unknown[0], rules) or '.'
    raise UserError(
      f'{name} has no option {", ".join(unknown)}; it has {has}{near}'
    )
  checked = {k: rules[k](f'{key}.{k}', v) for k, v in spec.items()}
  return {'name': name} | checked
