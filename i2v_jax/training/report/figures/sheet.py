"""Axes to draw on with matplotlib, and the SVG made of them."""

import functools
import io
from collections.abc import Callable, Sequence

from i2v_jax.runtime.errors import UserError
from i2v_jax.training.report.figures import svg, ticks, words
from i2v_jax.training.report.figures.colours import GRID, INK, MUTED
from i2v_jax.training.report.figures.words import SIZE

WIDTH, HEIGHT = 480, 280  # pixels at which letters have their nominal size


def own_settings(draw: Callable[..., str]) -> Callable[..., str]:
  """Makes a function that draws the same whatever a matplotlibrc says."""

  @functools.wraps(draw)
  def drawn(*args, **options) -> str:
    matplotlib = _import_matplotlib()
    known = matplotlib.rcParamsDefault.items()
    settings = {name: value for name, value in known if name != 'backend'}
    with matplotlib.rc_context(settings):
      return draw(*args, **options)

  return drawn


def _import_matplotlib():
  try:
    import matplotlib
  except ValueError as error:
    raise UserError(
      f'matplotlib cannot be imported ({str(error).partition(";")[0]}); '
      'correct or unset MPLBACKEND.'
    ) from error
  return matplotlib


class Sheet:
  """A figure in pixels, with one pair of axes.

  Attributes:
    axes: of matplotlib; texts go through `write`, whatever they hold.
    width, height: of the figure.
    inner: width and height of the axes.
  """

  def __init__(
    self,
    width: float = WIDTH,
    height: float = HEIGHT,
    margins: Sequence[float] = (60, 16, 42, 16),
  ):
    """Makes empty axes; margins are left, right, bottom and top."""
    from matplotlib.figure import Figure

    left, right, bottom, top = margins
    self.width, self.height = width, height
    self.inner = width - left - right, height - bottom - top
    self._figure = Figure(figsize=(width / 72, height / 72), dpi=72)
    self._figure.patch.set_visible(False)
    place = left / width, bottom / height
    share = self.inner[0] / width, self.inner[1] / height
    self.axes = self._figure.add_axes((*place, *share))
    self.axes.set_axis_off()
    self._left = left
    self._words: list[str] = []
    self._tips: dict[str, str] = {}

  def limit(self, x: Sequence[float], y: Sequence[float]) -> None:
    """Sets what the axes show."""
    self.axes.set(xlim=x, ylim=y)

  def to_pixels(self, x: float, y: float) -> tuple[float, float]:
    """Where a point is, in pixels from the lower left corner of the axes."""
    scale = self.axes.transScale + self.axes.transLimits
    right, up = scale.transform((x, y))
    return float(right * self.inner[0]), float(up * self.inner[1])

  def from_pixels(self, right: float, up: float) -> tuple[float, float]:
    """The point that is so far from that corner."""
    scale = self.axes.transScale + self.axes.transLimits
    place = right / self.inner[0], up / self.inner[1]
    x, y = scale.inverted().transform(place)
    return float(x), float(y)

  def write(self, x: float, y: float, text: str, **options):
    """Writes a text at pixels from the lower left corner of the axes."""
    text = words.clean(text)
    size = options.setdefault('fontsize', SIZE)
    token = svg.make_token(len(self._words), words.count_letters(text))
    self._words.append(text)
    width, height = self.inner
    return self.axes.text(
      x / width,
      y / height,
      token,
      transform=self.axes.transAxes,
      rotation_mode='anchor',
      parse_math=False,
      **{'color': INK, 'va': 'center_baseline', 'fontsize': size} | options,
    )

  def tip(self, artist, text: str) -> None:
    """Says on hovering what something drawn is."""
    key = f'tip{len(self._tips)}'
    artist.set_gid(key)
    self._tips[key] = words.clean(text)

  def draw_x_axis(self, places, label: str, texts=None) -> None:
    """Draws grid lines at places, their numbers and the axis's label."""
    low, high = self.axes.get_ylim()
    texts = texts or ticks.format_axis(places)
    for place, text in zip(places, texts, strict=True):
      self.draw([place, place], [low, high], GRID, 0.8)
      x = self.to_pixels(place, low)[0]
      self.write(x, -12, text, ha='center', color=MUTED, fontsize=10)
    self.write(self.inner[0] / 2, -30, label, ha='center')

  def draw_y_axis(self, places, label: str, texts=None) -> None:
    """The same for the other axis, whose label stands upright."""
    low, high = self.axes.get_xlim()
    texts = texts or ticks.format_axis(places)
    for place, text in zip(places, texts, strict=True):
      self.draw([low, high], [place, place], GRID, 0.8)
      y = self.to_pixels(low, place)[1]
      self.write(-6, y, text, ha='right', color=MUTED, fontsize=10)
    self.write(
      10 - self._left, self.inner[1] / 2, label, ha='center', rotation=90
    )

  def draw(self, x, y, colour, width: float = 1.6, dashes=(), **options):
    """Draws a line; returns it."""
    style = (0, tuple(dashes)) if dashes else '-'
    (line,) = self.axes.plot(
      x,
      y,
      color=colour,
      linewidth=width,
      linestyle=style,
      scalex=False,
      scaley=False,
      clip_on=False,
      **{'solid_capstyle': 'round', 'dash_capstyle': 'butt'} | options,
    )
    return line

  def draw_in_pixels(self, x, y, colour, width: float = 0.8, **options):
    """The same at pixels from the lower left corner of the axes."""
    x = [value / self.inner[0] for value in x]
    y = [value / self.inner[1] for value in y]
    where = self.axes.transAxes
    return self.draw(x, y, colour, width, transform=where, **options)

  def draw_box(self, x, y, width, height, colour, alpha=1.0, **options):
    """Draws a filled rectangle; returns it."""
    from matplotlib.patches import Rectangle

    style = {'linewidth': 0, 'clip_on': False} | options
    patch = Rectangle((x, y), width, height, fc=colour, alpha=alpha, **style)
    return self.axes.add_artist(patch)

  def draw_shape_in_pixels(self, corners, colour, **options):
    """Draws a filled shape between corners in pixels; returns it."""
    from matplotlib.patches import Polygon

    style = {'linewidth': 0, 'clip_on': False, 'transform': self.axes.transAxes}
    corners = [(x / self.inner[0], y / self.inner[1]) for x, y in corners]
    return self.axes.add_artist(Polygon(corners, fc=colour, **style | options))

  def draw_dot(self, x, y, colour, radius: float = 3, hollow=None):
    """Draws a dot, or a ring filled with the colour `hollow`; returns it.

    A ring that is filled with `'none'` hides nothing.
    """
    from matplotlib.colors import to_rgba

    # Without any filling matplotlib would write outlines, no circles.
    filling = to_rgba(colour, 0) if hollow == 'none' else hollow or colour
    return self.axes.scatter(
      [x],
      [y],
      s=(2 * radius) ** 2,
      facecolor=filling,
      edgecolor=colour,
      linewidth=1.4,
      clip_on=False,
      zorder=4,
    )

  def finish(self, title: str) -> str:
    """The SVG; its title says what is shown to those who do not see it."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    out = io.StringIO()
    settings = {'svg.fonttype': 'none', 'svg.hashsalt': 'i2v_jax'}
    with matplotlib.rc_context(settings):
      FigureCanvasSVG(self._figure).print_svg(
        out, metadata=dict.fromkeys(('Creator', 'Date', 'Format', 'Type'))
      )
    size = self.width, self.height
    title = words.clean(title)
    return svg.rewrite(out.getvalue(), title, self._words, self._tips, size)
