"""Cut-out pictures of objects and hands, and photographs behind them.

Pictures are from a folder of PNGs, or are glyphs of a colour font; photographs
are from a folder, or those in the package of scikit-image, which is not
imported.
"""

import importlib.util
import pathlib
import unicodedata
from typing import NamedTuple

import cv2
import numpy as np

from i2v_jax.runtime.errors import (
  FileError,
  MissingFileError,
  MissingPackageError,
)

SIDE = 128  # pixels of a picture
INSIDE = 110  # of which show the object; around it is its shadow
FONT = '/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf'
FONT_SIZE = 109  # the only one of its bitmaps
HELD_OUT = 0.25  # share of the objects that only validation shows
# Things that look different when they are turned.
OBJECTS = """
AIRPLANE, AMPHORA, ATHLETIC SHOE, AUBERGINE, AXE, BANANA, BATTERY, BEER MUG,
BELL, BENTO BOX, BIRTHDAY CAKE, BLACK SCISSORS, BOTTLE WITH POPPING CORK,
BOUQUET, BRIEFCASE, BRIEFS, BROCCOLI, BROOM, CACTUS, CANNED FOOD, CARROT,
CHAIR, CHEESE WEDGE, CLOSED UMBRELLA, CROISSANT, CUCUMBER, CUP WITH STRAW,
DELIVERY TRUCK, DRESS, DROMEDARY CAMEL, DUCK, ELECTRIC LIGHT BULB, ELECTRIC
TORCH, ELEPHANT, EYEGLASSES, FIRE ENGINE, FIRE EXTINGUISHER, FISH, FRENCH
FRIES, GREEN BOOK, GUITAR, HAMBURGER, HAMMER, HANDBAG, HELICOPTER, HIGH-HEELED
SHOE, HOCHO, HOT BEVERAGE, HOT PEPPER, ICE CREAM, JEANS, KEY, LADY BEETLE,
LEDGER, LOBSTER, LOTION BOTTLE, LOWER LEFT FOUNTAIN PEN, LOWER LEFT PAINTBRUSH,
MAGNET, MANS SHOE, MICROPHONE, MICROSCOPE, MOTOR SCOOTER, MUSHROOM, OCTOPUS,
OIL DRUM, OPEN LOCK, PARTY POPPER, PEAR, PENCIL, PERSONAL COMPUTER, PINEAPPLE,
POULTRY LEG, PRINTER, RED APPLE, ROCKET, RUNNING SHIRT WITH SASH, SAFETY VEST,
SAILBOAT, SAXOPHONE, SCHOOL SATCHEL, SCREWDRIVER, SHOPPING TROLLEY, SLICE OF
PIZZA, SNAIL, SOCKS, STEAM LOCOMOTIVE, STRAWBERRY, SYRINGE, T-SHIRT, TACO,
TEAPOT, TEDDY BEAR, TELEPHONE RECEIVER, TELESCOPE, TELEVISION, TOOTHBRUSH, TOP
HAT, TRACTOR, TROPHY, TRUMPET, VIDEO CAMERA, VIOLIN, WATERMELON, WINE GLASS,
WRENCH
"""
HANDS = 'RAISED BACK OF HAND, RAISED HAND, WHITE UP POINTING BACKHAND INDEX'
TONES = ((1, 1, 1), (1, 0.85, 0.8), (0.85, 0.65, 0.6), (0.55, 0.42, 0.4))
PHOTOGRAPHS = (  # that scikit-image ships, and not others that it downloads
  'astronaut.png',
  'brick.png',
  'camera.png',
  'chelsea.png',
  'coffee.png',
  'grass.png',
  'gravel.png',
  'motorcycle_left.png',
  'rocket.jpg',
)


class Pictures(NamedTuple):
  """What a data set is drawn from, BGR as OpenCV reads it.

  Attributes:
    objects: split -> pictures, uint8 [128, 128, 4]; none is in both splits.
    hands: pictures of hands that come from below.
    photographs: uint8 [H, W, 3].
  """

  objects: dict[str, list[np.ndarray]]
  hands: list[np.ndarray]
  photographs: list[np.ndarray]


def load(sprites: str, font: str, photographs: str, seed: int) -> Pictures:
  """Loads pictures and photographs.

  Args:
    sprites: folder of PNGs with alpha, whose names begin with `hand` if they
      are hands; '' for glyphs of `font`.
    font: file of a colour font with bitmaps, such as Noto Color Emoji.
    photographs: folder of photographs; '' for those of scikit-image.
    seed: decides which objects only validation shows.

  Raises:
    FileError: a folder or file is missing, or is not what it should be.
    MissingPackageError: scikit-image or Pillow is needed and not installed.
  """
  found, hands = read_sprites(sprites) if sprites else draw_glyphs(font)
  if len(found) < 4 or not hands:
    raise FileError(
      f'{sprites or font} has {len(found)} objects and {len(hands)} hands; at '
      'least 4 objects and 1 hand (hand*.png) are needed.'
    )
  order = np.random.default_rng(seed).permutation(len(found))
  held_out = max(2, round(HELD_OUT * len(found)))
  parts = {'train': order[held_out:], 'val': order[:held_out]}
  objects = {split: [found[i] for i in part] for split, part in parts.items()}
  return Pictures(objects, hands, read_photographs(photographs))


def read_sprites(folder: str) -> tuple[list, list]:
  """Reads objects, and hands, from PNGs in the order of their names."""
  found = {True: [], False: []}
  for path in list_files(folder, ('.png',)):
    image = read_image(path, cv2.IMREAD_UNCHANGED)
    if image.ndim != 3 or image.shape[2] != 4 or image.dtype != np.uint8:
      raise FileError(f'{path} is not RGBA of 8 bits; save it with alpha.')
    found[path.name.startswith('hand')].append(fit(image, str(path)))
  return found[False], found[True]


def draw_glyphs(font: str) -> tuple[list, list]:
  """Draws the objects, and hands in several tones, that a font has."""
  if not pathlib.Path(font).is_file():
    raise MissingFileError(
      f'No font at {font}; apt-get install fonts-noto-color-emoji, or give '
      '--font FILE or --sprites DIR.'
    )
  try:
    from PIL import Image, ImageDraw, ImageFont  # only this needs it
  except ModuleNotFoundError as error:
    raise MissingPackageError(
      'Glyphs are drawn by Pillow; pip install pillow, or give --sprites DIR.'
    ) from error
  face = ImageFont.truetype(font, FONT_SIZE)

  def draw(name: str) -> np.ndarray:
    image = Image.new('RGBA', (2 * SIDE, 2 * SIDE))
    text = unicodedata.lookup(name)
    ImageDraw.Draw(image).text((8, 8), text, font=face, embedded_color=True)
    return fit(np.asarray(image)[..., (2, 1, 0, 3)], f'{name} of {font}')

  split = lambda names: ' '.join(names.split()).split(', ')
  hands = [
    (image * (*tone[::-1], 1)).astype(np.uint8)
    for image in map(draw, split(HANDS))
    for tone in TONES
  ]
  return list(map(draw, split(OBJECTS))), hands


def fit(image: np.ndarray, what: str) -> np.ndarray:
  """Crops a picture to what is opaque, fits it into a square, adds a shadow.

  The shadow is soft and dark, so that an object can be seen on any photograph.
  """
  rows, columns = (image[..., 3] > 8).nonzero()
  if not len(rows):
    raise FileError(f'{what} is empty or transparent; give another picture.')
  image = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
  scale = INSIDE / max(image.shape[:2])
  height, width = (max(1, round(scale * side)) for side in image.shape[:2])
  how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
  image = cv2.resize(image, (width, height), interpolation=how)
  full = np.zeros((SIDE, SIDE, 4), np.uint8)
  top, left = (SIDE - height) // 2, (SIDE - width) // 2
  full[top : top + height, left : left + width] = image
  alpha = full[..., 3].astype(np.float32)
  shade = np.maximum(alpha, 0.7 * cv2.GaussianBlur(alpha, (0, 0), 5))
  colour = full[..., :3] * (alpha / np.maximum(shade, 1))[..., None]
  return np.dstack([colour, shade]).round().astype(np.uint8)


def read_photographs(folder: str) -> list[np.ndarray]:
  """Reads the photographs of a folder, or those of scikit-image."""
  if folder:
    paths = list_files(folder, ('.png', '.jpg', '.jpeg'))
  else:
    package = importlib.util.find_spec('skimage')
    if not package:
      raise MissingPackageError(
        'The photographs are those of scikit-image; pip install scikit-image, '
        'or give --photographs DIR.'
      )
    data = pathlib.Path(package.submodule_search_locations[0]) / 'data'
    paths = [data / name for name in PHOTOGRAPHS]
  return [read_image(path, cv2.IMREAD_COLOR) for path in paths]


def list_files(folder: str, endings: tuple[str, ...]) -> list[pathlib.Path]:
  """Lists the files of a folder with these endings, by name."""
  paths = sorted(pathlib.Path(folder).glob('*'))
  paths = [path for path in paths if path.suffix.lower() in endings]
  if not paths:
    raise MissingFileError(f'{folder} has no {" or ".join(endings)}.')
  return paths


def read_image(path: pathlib.Path, how: int) -> np.ndarray:
  image = cv2.imread(str(path), how)
  if image is None:
    raise FileError(f'{path} cannot be read as an image; replace it.')
  return image
