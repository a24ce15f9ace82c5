"""Interlaced video: frames of two fields, taken at different times."""

import itertools
from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
from av.filter import Graph

_BASE = Fraction(1, 25)  # seconds; any value works


class Progressive:
  """Declares interlaced pictures progressive, one by one.

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
  """Merges the two fields of each interlaced picture into one frame (bwdif).

  Yields as many pictures; those that are not interlaced stay unchanged.
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
