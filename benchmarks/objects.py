r"""A data set in the manner of Something-Something: objects in 18 motions.

  apt-get install fonts-noto-color-emoji && pip install pillow scikit-image
  python benchmarks/objects.py data/objects --train 2160 --val 540

Cut-out pictures of objects move over photographs: pushed, lifted, dropped,
turned, hidden, hit, covered (`--motions` names some of them). Speed, start,
drift of the camera and noise are random; the objects of `val` are not in
`train`. Writes `ROOT/{train,val}/<motion>/NNNNN.mp4`, the same for the same
seed, pictures and FFmpeg. All pictures may be yours: `--sprites DIR` of PNGs
with alpha, of which `hand*.png` are hands, and `--photographs DIR`.
"""

import argparse
import os
import sys

import cv2
import numpy as np
import object_pictures
from object_motions import MOTIONS, Scene, make_scene
from object_pictures import Pictures

from i2v_jax.cli.numbers import count, from_0
from i2v_jax.data.sets import digits
from i2v_jax.runtime import errors
from i2v_jax.runtime.console import console, make_progress

FPS, CRF = 12, 20
MARGIN = 1.12  # of a photograph around the frame, for the camera
BLUR = (0.006, 0.02)  # of photographs, in sides of the frame
CONTRAST = (0.4, 0.8)
NOISE = 4.0  # most of its standard deviation, in grey levels


def draw_view(photograph: np.ndarray, side: int, rng) -> np.ndarray:
  """Cuts a random square out of a photograph, [side, side, 3]."""
  shortest = min(photograph.shape[:2])
  cut = int(rng.uniform(0.5, 1) * shortest)
  y, x = (rng.integers(n - cut, endpoint=True) for n in photograph.shape[:2])
  view = photograph[y : y + cut, x : x + cut]
  if rng.random() < 0.5:
    view = view[:, ::-1]
  return cv2.resize(view, (side, side), interpolation=cv2.INTER_AREA)


def fade(view: np.ndarray, rng) -> np.ndarray:
  """Blurs a background and lowers its contrast, as behind what is in focus."""
  view = cv2.GaussianBlur(view, (0, 0), rng.uniform(*BLUR) * len(view))
  contrast = rng.uniform(*CONTRAST)
  mean = view.mean((0, 1), keepdims=True)
  return (mean + contrast * (view - mean)).astype(np.float32)


def draw_cover(pictures: Pictures, rng) -> np.ndarray:
  """A tinted piece of a photograph with a dark edge, [128, 128, 4]."""
  side = object_pictures.SIDE
  colour = rng.integers(40, 230, 3)
  view = draw_view(pick(pictures.photographs, rng), side, rng)
  image = np.full((side, side, 4), 255, np.uint8)
  image[..., :3] = 0.35 * view + 0.65 * colour
  edge = side // 24
  cv2.rectangle(
    image, (0, 0), (side - 1, side - 1), (*(colour // 3).tolist(), 255), edge
  )
  return image


def pick(items: list, rng):
  return items[rng.integers(len(items))]


def choose(pictures: Pictures, split: str, rng) -> dict[str, np.ndarray]:
  """The picture of every kind of track in a clip."""
  objects = pictures.objects[split]
  first, second = rng.choice(len(objects), 2, replace=False)
  return {
    'object': objects[first],
    'other': objects[second],
    'hand': pick(pictures.hands, rng),
    'cover': draw_cover(pictures, rng),
  }


def draw_clip(
  scene: Scene, images: dict, background: np.ndarray, rng
) -> np.ndarray:
  """Draws a scene, uint8 RGB [T, side, side, 3].

  Args:
    scene: where things are.
    images: a picture for each kind of track, BGR and alpha.
    background: a square that is `MARGIN` of a frame wide.
    rng: NumPy generator.
  """
  side = round(len(background) / MARGIN)
  layers = [_shrink(images[t.what], t.size.max() * side) for t in scene.tracks]
  noise, light = rng.uniform(0, NOISE), rng.uniform(0.75, 1.15)
  frames = []
  for i, (dx, dy) in enumerate(scene.camera):
    edge = (MARGIN - 1) / 2
    move = np.array([[1, 0, (dx - edge) * side], [0, 1, (dy - edge) * side]])
    border = cv2.BORDER_REFLECT
    frame = cv2.warpAffine(background, move, (side, side), borderMode=border)
    for track, layer in zip(scene.tracks, layers, strict=True):
      centre = (track.x[i] + dx, track.y[i] + dy)
      _add(frame, layer, centre, track.size[i], track.angle[i])
    frame = frame * light + rng.normal(0, noise, frame.shape)
    frames.append(np.clip(np.rint(frame), 0, 255).astype(np.uint8))
  return np.stack(frames)[..., ::-1]


def _shrink(image: np.ndarray, side: float) -> np.ndarray:
  """A picture at its largest size in the clip, times its alpha."""
  image = image.astype(np.float32)
  image[..., :3] *= image[..., 3:] / 255
  sides = (max(2, round(side)),) * 2
  return cv2.resize(image, sides, interpolation=cv2.INTER_AREA)


def _add(frame, layer, centre, size: float, angle: float) -> None:
  """Draws a layer into a frame, turned clockwise by degrees."""
  side, own = len(frame), len(layer)
  move = cv2.getRotationMatrix2D(
    ((own - 1) / 2,) * 2, -angle, size * side / own
  )
  move[:, 2] += np.array(centre) * side - own / 2
  drawn = cv2.warpAffine(layer, move, (side, side))
  frame *= 1 - drawn[..., 3:] / 255
  frame += drawn[..., :3]


def make_clip(motion: str, pictures: Pictures, split: str, args, rng):
  """Draws a clip of a motion, uint8 RGB [T, side, side, 3]."""
  images = choose(pictures, split, rng)
  photograph = pick(pictures.photographs, rng)
  background = draw_view(photograph, round(MARGIN * args.size), rng)
  background = fade(background, rng)
  scene = make_scene(motion, args.frames, rng)
  return draw_clip(scene, images, background, rng)


def write(args: argparse.Namespace) -> None:
  """Writes the data set, all of it or nothing; UserError if it exists."""
  if os.path.exists(args.root):
    raise errors.FileError(f'{args.root} exists; remove it or name another.')
  pictures = object_pictures.load(
    args.sprites, args.font, args.photographs, args.seed
  )
  bar, advance = make_progress(args.train + args.val, 'draw', 'clips')
  with bar, digits.creating(args.root) as folder:
    for part, split in enumerate(('train', 'val')):
      for motion in args.motions:
        (folder / split / motion).mkdir(parents=True)
      for i in range(getattr(args, split)):
        rng = np.random.default_rng([args.seed, part, i])
        motion = args.motions[i % len(args.motions)]
        clip = make_clip(motion, pictures, split, args, rng)
        digits.write_video(
          folder / split / motion / f'{i:05d}.mp4', clip, FPS, CRF
        )
        advance()
  console.print(f'{args.root}: {args.train} + {args.val} clips')


def parse(argv=None) -> argparse.Namespace:
  parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  add = parser.add_argument
  add('root', help='New folder.')
  add('--train', type=count, default=2160, metavar='CLIPS')
  add('--val', type=count, default=540, metavar='CLIPS')
  add('--motions', type=to_motions, default=MOTIONS, metavar='NAME,NAME')
  add('--size', type=even, default=128, metavar='PIXELS')
  add('--frames', type=count, default=32)
  add('--seed', type=from_0, default=0)
  add('--sprites', default='', metavar='DIR', help='In place of the font.')
  add('--font', default=object_pictures.FONT, metavar='FILE')
  add('--photographs', default='', metavar='DIR')
  return parser.parse_args(argv)


def even(text: str) -> int:
  """An even number of pixels, as H.264 needs it."""
  size = count(text)
  if size % 2:
    raise argparse.ArgumentTypeError(f'{size} is odd; H.264 needs even sides.')
  return size


def to_motions(text: str) -> tuple[str, ...]:
  """Names of motions, in the order of `MOTIONS`."""
  names = [' '.join(name.split()) for name in text.split(',')]
  for name in names:
    if name not in MOTIONS:
      raise argparse.ArgumentTypeError(
        f'there is no motion {name!r}{errors.suggest(name, MOTIONS, 0.0)} '
        f'There are: {", ".join(MOTIONS)}.'
      )
  return tuple(name for name in MOTIONS if name in names)


def main(argv=None) -> None:
  sys.exit(errors.run_guarded(write, parse(argv)))


if __name__ == '__main__':
  main()
