"""What a figure says, read from its SVG."""

from xml.etree import ElementTree

SVG = '{http://www.w3.org/2000/svg}'


def find_texts(svg):
  """Texts, in order."""
  return [x.text for x in ElementTree.fromstring(svg).iter(f'{SVG}text')]


def find_tips(svg):
  """What hovering says, without the title of the figure."""
  root = ElementTree.fromstring(svg)
  return [x.text for x in root.iter(f'{SVG}title')][1:]
