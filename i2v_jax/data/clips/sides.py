"""Left, right and directions of rotation in class names.

Mirroring exchanges left and right, and clockwise and counterclockwise. Up and
down, in and out, towards and away stay the same.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

# Marks replace words; mirroring exchanges the two marks of a pair.
_MIRRORED = str.maketrans('<>↻↺', '><↺↻')
_ENDINGS = ('', 'ward', 'wards', 'most', 'side', 'sided', 'hand', 'handed')
_ENDINGS += ('hander',)
_COUNTER = ('counter', 'anti', 'contra')
_BOTH = {'and', 'or', 'und', 'oder', 'et', 'ou', 'y', 'o', 'e', '&', '+', '/'}

# Words and phrases -> mark. Left is the same mark in all languages, so that
# `linke` finds `rechte`.
_WORDS: dict[tuple[str, ...], str] = {
  **{(f'left{end}',): f'<{end}' for end in _ENDINGS},
  **{(f'right{end}',): f'>{end}' for end in _ENDINGS},
  **{(f'link{end}',): '<' for end in ('s', 'e', 'er', 'es', 'en', 'em')},
  **{(f'recht{end}',): '>' for end in ('s', 'e', 'er', 'es', 'en', 'em')},
  **{(word,): '<' for word in ('gauche', 'gauches', 'sinistra', 'sinistro')},
  **{(word,): '>' for word in ('droite', 'droites', 'destra', 'destro')},
  **{(f'izquierd{end}',): '<' for end in ('a', 'o', 'as', 'os')},
  **{(word,): '>' for word in ('derecha', 'derechas')},
  **{(f'esquerd{end}',): '<' for end in ('a', 'o')},
  ('左', '右'): 'both',
  ('左',): '<',
  ('右',): '>',
  ('왼쪽',): '<',
  ('오른쪽',): '>',
  **{(word,): '<' for word in ('влево', 'налево', 'слева')},
  **{(word,): '>' for word in ('вправо', 'направо', 'справа')},
  ('clockwise',): '↻',
  ('clock', 'wise'): '↻',
  ('cw',): '↻',
  **{(word,): '↻' for word in ('顺时针', '順時針', '時計回り')},
  **{(word,): '↺' for word in ('逆时针', '逆時針', '反時計回り')},
  **{(f'{word}clockwise',): '↺' for word in _COUNTER},
  **{(word, 'clockwise'): '↺' for word in _COUNTER},
  **{(word, 'clock', 'wise'): '↺' for word in _COUNTER},
  **{(word, 'cw'): '↺' for word in _COUNTER},
  ('ccw',): '↺',
  ('acw',): '↺',
  ('im', 'uhrzeigersinn'): '↻',
  ('gegen', 'uhrzeigersinn'): '↺',
  ('gegen', 'den', 'uhrzeigersinn'): '↺',
  ('entgegen', 'dem', 'uhrzeigersinn'): '↺',
}
# These mean a side only if a class of the other side exists: they also mean
# straight on, a letter, or nothing inside a longer word.
_MAYBE = {'droit': '>', 'droits': '>', 'derecho': '>', 'derechos': '>'}
_MAYBE |= {'direita': '>', 'direito': '>'}
_LETTERS = {'l': '<', 'r': '>', 'lr': '<>', 'rl': '><', 'lh': '<h', 'rh': '>h'}
_LETTERS |= {'lt': '<t', 'rt': '>t', 'lhs': '<side', 'rhs': '>side'}
_LETTERS |= {'ltr': '<to>', 'rtl': '>to<', 'lft': '<', 'rgt': '>', 'rht': '>'}
_INSIDE = {'counterclockwise': '↺', 'anticlockwise': '↺', 'clockwise': '↻'}
_INSIDE |= {'left': '<', 'right': '>', 'links': '<', 'rechts': '>'}
_INSIDE |= {'linke': '<', 'rechte': '>', 'gauche': '<', 'droite': '>'}
_INSIDE |= {'izquierda': '<', 'derecha': '>'}
_INSIDE_WORD = re.compile('|'.join(_INSIDE))

_JOINED = re.compile('([左右]|[顺順逆][时時][针針]|反?時計回り|왼쪽|오른쪽)')

Key = tuple[str, ...]  # words in small letters, and marks


def split_words(name: str) -> list[str]:
  """Splits a name at everything but letters, at digits and at case changes.

  `LEFTturn`, `turnLeft2` and `left-turn_2` consist of the same words. Signs for
  "and" and "or" are words too.
  """
  name = unicodedata.normalize('NFC', name)
  name = _JOINED.sub(r' \1 ', name)
  kinds = ''.join(map(_classify, name))
  found = []
  for run in re.finditer('U+l*|l+|d+|&', kinds):
    word = name[run.start() : run.end()]
    found += _split_case(word, kinds[run.start() : run.end()].count('U'))
  return [word.casefold() for word in found]


def remove_numbers(class_names: Sequence[str]) -> list[str]:
  """Removes the numbers that count class names, as in `01_left`.

  Names are unchanged unless every one begins with a number and differs in more.
  """
  found = [
    re.fullmatch(r'\d+(?!\d)[\s_.:)-]*(.*\w.*)', name) for name in class_names
  ]
  rest = [match[1] for match in found if match]
  counted = len(rest) == len(found) == len({*rest})
  return rest if counted else [*class_names]


def _classify(letter: str) -> str:
  if letter.isupper():
    return 'U'
  if letter.isalpha() or unicodedata.category(letter)[0] == 'M':
    return 'l'
  if letter.isdigit():
    return 'd'
  return '&' if letter in _BOTH else ' '


def _split_case(word: str, capitals: int) -> list[str]:
  """Splits at changes of case: `LEFTturn` -> LEFT, turn."""
  if capitals < 2 or capitals == len(word):
    return [word]
  is_word = (word[:capitals].casefold(),) in _WORDS
  cut = capitals if is_word else capitals - 1
  return [word[:cut], word[cut:]]


def mirror(key: Key) -> Key:
  """Makes the key of the mirror image, which may be the same."""
  return tuple(word.translate(_MIRRORED) for word in key)


def make_key(name: str) -> Key:
  """Makes a key of words, with marks for those that surely name a side.

  "left and right" and "left or right" name no side: mirroring changes nothing.
  """
  return tuple(_join_sides(_mark_sides(split_words(name))))


def make_possible_key(name: str) -> Key:
  """Makes a key that also marks words that may mean a side."""
  return tuple(_MAYBE.get(word, word) for word in make_key(name))


def make_loose_key(name: str) -> Key:
  """Makes a possible key that also marks l, r and parts of words."""
  inside = lambda word: _INSIDE_WORD.sub(lambda found: _INSIDE[found[0]], word)
  return tuple(_LETTERS.get(w) or inside(w) for w in make_possible_key(name))


def blank_letters(name: str) -> tuple[Key, Key]:
  """Returns the words with single letters blanked, and those letters."""
  is_letter = lambda word: len(word) == 1 and word.isalpha()
  found = split_words(name)
  blank = tuple('' if is_letter(word) else word for word in found)
  return blank, tuple(filter(is_letter, found))


def _mark_sides(found: list[str]) -> Iterator[str]:
  place = 0
  while place < len(found):
    for length in (3, 2, 1):
      phrase = tuple(found[place : place + length])
      if phrase in _WORDS:
        yield _WORDS[phrase]
        break
    else:
      yield found[place]
    place += length


def _join_sides(found: Iterator[str]) -> Iterator[str]:
  """Joins two opposite sides around 'and' or 'or' into one word."""
  out = []
  for word in found:
    joined = len(out) > 1 and out[-1] in _BOTH
    if joined and word != out[-2] and (word,) == mirror(out[-2:-1]):
      out[-2:] = ['both']
    else:
      out.append(word)
  return (word for word in out if word not in '&+/')
