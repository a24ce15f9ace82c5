"""Frames that hold two fields, taken at different times: interlaced video."""

import itertools
from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
from av.filter import Graph

_BASE = Fraction(1, 25)  # seconds; any will do


class Progressive:
  """Declares interlaced pictures progressive, one after the other.

  By default FFmpeg 8 converts the colours of the two fields separately; its own
  tools, earlier releases and other libraries do not.
  """

  def __init__(self):
    self._graphs = {}

  def __call__(self, picture: av.VideoFrame) -> av.VideoFrame:
    if not picture.interlaced_frame:
      return picture
    form = picture.width, picture.height, picture.format.name
    if form not in self._graphs:
      self._graphs[form] = _make_graph(picture, 'setfield', 'prog')
    self._graphs[form].push(picture)
    return self._graphs[form].pull()


def deinterlace(pictures: Iterable[av.VideoFrame]) -> Iterator[av.VideoFrame]:
  """Yields as many pictures; two fields become one full frame (bwdif).

  Pictures that are not interlaced stay as they are.
  """
  graph = None
  for number, picture in enumerate(itertools.chain(pictures, [None])):
    if picture is not None:
      picture.pts, picture.time_base = number, _BASE
      options = 'mode=send_frame:deint=interlaced'
      graph = graph or _make_graph(picture, 'bwdif', options)
    if graph is not None:
      graph.push(picture)
      yield from _pull(graph)


def _make_graph(picture: av.VideoFrame, name: str, options: str) -> Graph:
  graph = Graph()
  if hasattr(graph, 'threads'):  # older releases cannot set it
    graph.threads = 1
  form = {'width': picture.width, 'height': picture.height}
  source = graph.add_buffer(**form, format=picture.format.name, time_base=_BASE)
  graph.link_nodes(source, graph.add(name, options), graph.add('buffersink'))
  graph.configure()
  return graph


def _pull(graph: Graph) -> Iterator[av.VideoFrame]:
  while True:
    try:
      yield graph.pull()
    except (BlockingIOError, EOFError):
      return
