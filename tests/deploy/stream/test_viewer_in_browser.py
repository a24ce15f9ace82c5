"""A live session in a real browser: Chromium, without a window."""

import contextlib
import re
import threading

import browser
import pytest
from streamed import LONG, SHADES, Counting, run

from i2v_jax.deploy.stream.hub import Hub
from i2v_jax.deploy.stream.server import Server

pytestmark = pytest.mark.slow
# Resolves as soon as an expression holds, whatever it takes.
WAIT = """new Promise((resolve) => {{
  const look = () => ({}) ? resolve(true) : requestAnimationFrame(look);
  look();
}})"""
READ_EVENTS = """[...document.querySelectorAll('#events li')].map(
  (line) => [...line.children].map((cell) => cell.textContent))"""
# The share of a canvas that is painted.
PAINTED = """(() => {
  const canvas = document.querySelector('canvas');
  const { data } = canvas.getContext('2d').getImageData(
    0, 0, canvas.width, canvas.height);
  return data.filter((value, index) => index % 4 === 3 && value).length * 4 /
    data.length;
})()"""
COLOUR = """(() => {
  const canvas = document.createElement('canvas');
  canvas.getContext('2d').drawImage(document.querySelector('img'), 0, 0);
  return canvas.getContext('2d').getImageData(9, 9, 1, 1).data[0];
})()"""


@pytest.fixture(scope='module')
def chromium():
  with browser.running() as found:
    yield found


class Stepping(Counting):
  """A model that goes as far as the test lets it."""

  def __init__(self, streams=1):
    super().__init__(streams)
    self.allowed = threading.Semaphore(0)

  def step(self, frames, fresh, present):
    if present.any():
      self.allowed.acquire(timeout=LONG)
    return super().step(frames, fresh, present)


@contextlib.contextmanager
def watching(chromium, sources, host='127.0.0.1', **options):
  """A page that looks at a session, and the model that makes it go on."""
  hub, model = Hub(), Stepping(len(sources))
  session = threading.Thread(
    target=run,
    args=(sources, hub),
    kwargs=dict(recogniser=model, pictures=True),
  )
  session.start()
  try:
    with contextlib.closing(Server(hub, host)) as server:
      url = re.sub('//.*:', '//127.0.0.1:', server.url)
      page = chromium.open(url, **options)
      yield page, model, server
      model.allowed.release(10 * len(SHADES))
      session.join(LONG)
  finally:
    model.allowed.release(10 * len(SHADES))
    session.join(LONG)


def test_a_page_shows_picture_scores_and_events_as_they_come(chromium, shades):
  with watching(chromium, [shades]) as (page, model, server):
    assert page.evaluate(WAIT.format("document.querySelector('h2')"))
    assert page.evaluate("document.querySelector('#none').checkVisibility()")
    model.allowed.release(12)
    facts = "document.querySelector('.facts-line')?.textContent"
    assert page.evaluate(WAIT.format(f"{facts}.includes('0:01.4')"))
    assert page.evaluate(WAIT.format('document.images[0].naturalWidth === 32'))
    assert page.evaluate(WAIT.format("document.querySelector('.top li')"))
    top = page.evaluate("document.querySelector('.top').innerText")
    assert top.split('\n')[:1] == ['bright'] and '94%' in top
    assert page.evaluate(WAIT.format(f'{COLOUR} > 200'))
    assert page.evaluate(READ_EVENTS) == [
      ['0:01.0', 'bright begins, 94%', str(shades)],
      ['0:01.0', 'dark ends after 0:01.0, mean 96%', str(shades)],
      ['0:00.0', 'dark begins, 96%', str(shades)],
    ]
    assert 0.005 < page.evaluate(PAINTED) < 0.5
    model.allowed.release(len(SHADES))
    ended = "document.querySelector('#state')?.textContent.includes('ended')"
    assert page.evaluate(WAIT.format(ended))
    assert len(page.evaluate(READ_EVENTS)) == 6
    assert page.evaluate(WAIT.format(f"{facts}.includes('ended')"))
  assert not page.messages
  assert all(url.startswith(server.url) for url in page.requests)
  asked = {
    url.removeprefix(server.url).partition('?')[0] for url in page.requests
  }
  assert asked == {'', 'events', 'picture/0'}


@pytest.mark.parametrize('width', [1280, 390])
@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_several_sources_fit_a_page_of_any_width(
  chromium, shades, width, scheme
):
  options = dict(width=width, scheme=scheme)
  with watching(chromium, [shades] * 2, **options) as (page, model, _):
    model.allowed.release(len(SHADES))
    assert page.evaluate(
      WAIT.format("document.querySelectorAll('#events li').length === 12")
    )
    assert page.evaluate(WAIT.format('document.images[1].naturalWidth === 32'))
    overflow = 'document.documentElement.scrollWidth - window.innerWidth'
    assert page.evaluate(overflow) <= 0
  assert not page.messages


def test_a_name_of_a_class_is_text(chromium, shades, monkeypatch):
  evil = '<img src=x onerror="console.log(1)">'
  monkeypatch.setattr(Counting, 'class_names', (evil, 'bright'))
  with watching(chromium, [shades]) as (page, model, _):
    model.allowed.release(len(SHADES))
    assert page.evaluate(WAIT.format("document.querySelector('#events li')"))
    assert evil in page.evaluate(READ_EVENTS)[-1][1]
  assert not page.messages


def test_the_token_opens_the_page_and_all_of_it(chromium, shades):
  watched = watching(chromium, [shades], host='0.0.0.0')
  with watched as (page, model, server):
    model.allowed.release(12)
    assert page.evaluate(WAIT.format("document.querySelector('#events li')"))
    assert page.evaluate(WAIT.format('document.images[0].naturalWidth === 32'))
    token = server.url.partition('token=')[2]
    assert all(f'token={token}' in url for url in page.requests)
  assert not page.messages
