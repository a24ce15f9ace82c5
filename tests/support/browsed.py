"""A page, read as a browser reads it."""

import html.parser
import json

VOID = {'meta', 'img', 'br', 'input'}


class Page(html.parser.HTMLParser):
  """Elements, texts and exact numbers of a page, and rows with a name."""

  def __init__(self, text):
    super().__init__()
    self.tags, self.texts, self.open, self.rows = [], [], [], {}
    self.row = None
    self.feed(text)
    self.close()

  def handle_starttag(self, tag, attributes):
    found = dict(attributes)
    self.tags.append((tag, found))
    if tag not in VOID:
      self.open.append(tag)
    for key in ('data-measure', 'data-metric', 'data-fact', 'data-compared'):
      if key in found:
        self.row = self.rows.setdefault(found[key], [])
    if tag == 'data' and self.row is not None:
      self.row.append(json.loads(found['value']))

  def handle_startendtag(self, tag, attributes):
    self.tags.append((tag, dict(attributes)))

  def handle_endtag(self, tag):
    assert self.open.pop() == tag, f'{tag} is closed, but not open'
    if tag == 'tr':
      self.row = None

  def handle_data(self, data):
    if self.open and self.open[-1] not in ('script', 'style'):
      self.texts.append(data)

  @property
  def text(self):
    return ' '.join(' '.join(self.texts).replace('\xa0', ' ').split())
