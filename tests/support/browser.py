"""Drives headless Chromium over its DevTools pipe, without another package.

https://chromedevtools.github.io/devtools-protocol/
"""

import base64
import contextlib
import fcntl
import itertools
import json
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import Any

import pytest

NAMES = 'chromium', 'chromium-browser', 'google-chrome', 'chrome'
SECONDS = 120  # for an answer, on a machine that is busy with other tests
FLAGS = (
  '--headless',
  '--no-sandbox',  # which root cannot have
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--hide-scrollbars',
  '--no-first-run',
  '--no-default-browser-check',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-extensions',
  '--remote-debugging-pipe',
)
# Chromium talks through 3 and 4, whatever our numbers are.
_START = """
import os, sys
read, write, *command = sys.argv[1:]
os.dup2(int(read), 3)
os.dup2(int(write), 4)
os.execv(command[0], command)
"""


def find_chromium() -> str | None:
  """The path of Chromium, or None."""
  return next(filter(None, map(shutil.which, NAMES)), None)


@contextlib.contextmanager
def running() -> Iterator['Browser']:
  """A browser as long as a test needs it; without Chromium it is skipped."""
  path = find_chromium()
  if path is None:
    pytest.skip('There is no Chromium here; `apt-get install chromium`.')
  found = Browser(path)
  yield found
  found.close()


class Browser:
  """A headless Chromium; end it with `close`.

  Raises:
    RuntimeError: it has ended, or does not answer.
  """

  def __init__(self, path: str):
    to_read, self._write = os.pipe()
    self._read, to_write = os.pipe()
    # Above 9, so that making them 3 and 4 overwrites neither of them.
    ours = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (to_read, to_write)]
    self._home = pathlib.Path(tempfile.mkdtemp(prefix='browser_'))
    command = [path, *FLAGS, f'--user-data-dir={self._home}', 'about:blank']
    with (self._home / 'stderr').open('wb') as errors:
      self._process = subprocess.Popen(
        [sys.executable, '-c', _START, *map(str, ours), *command],
        pass_fds=ours,
        stdout=subprocess.DEVNULL,
        stderr=errors,
      )
    for fd in (*ours, to_read, to_write):
      os.close(fd)
    self._numbers = itertools.count(1)
    self._answers: dict[int, queue.Queue] = {}
    self._pages: dict[str, Page] = {}
    self._reader = threading.Thread(target=self._listen, daemon=True)
    self._reader.start()

  def _listen(self) -> None:
    """Hands answers to those who wait, and events to their pages."""
    rest = b''
    while data := os.read(self._read, 1 << 16):
      *messages, rest = (rest + data).split(b'\0')
      for message in map(json.loads, messages):
        if 'id' in message:
          self._answers.pop(message['id']).put(message)
        elif page := self._pages.get(message.get('sessionId')):
          page.take(message['method'], message['params'])
    for waiting in list(self._answers.values()):
      waiting.put({'error': {'message': 'the browser has ended'}})

  def call(self, method: str, session: str | None = None, **params) -> dict:
    """Calls a method of the protocol; returns its result."""
    number = next(self._numbers)
    answer = self._answers[number] = queue.Queue()
    message = {'id': number, 'method': method, 'params': params}
    if session:
      message['sessionId'] = session
    try:
      os.write(self._write, json.dumps(message).encode() + b'\0')
      found = answer.get(timeout=SECONDS)
    except (OSError, queue.Empty) as error:
      raise RuntimeError(f'{method}: {error!r}; {self._tail()}') from error
    if 'error' in found:
      text = found['error']['message']
      raise RuntimeError(f'{method}: {text}; {self._tail()}')
    return found['result']

  def _tail(self) -> str:
    """The end of what it has printed."""
    return (self._home / 'stderr').read_bytes()[-1000:].decode(errors='replace')

  def open(
    self, path: pathlib.Path | str, width: int = 1280, scheme: str = 'light'
  ) -> 'Page':
    """Opens a file or address in a new page, as wide and in that scheme."""
    context = self.call('Target.createBrowserContext')['browserContextId']
    target = self.call(
      'Target.createTarget', url='about:blank', browserContextId=context
    )['targetId']
    session = self.call('Target.attachToTarget', targetId=target, flatten=True)
    page = Page(self, session['sessionId'])
    self._pages[session['sessionId']] = page
    page.load(path, width, scheme)
    return page

  def close(self) -> None:
    """Ends the browser and removes its files."""
    try:
      self.call('Browser.close')
      self._process.wait(SECONDS)
    except (RuntimeError, subprocess.TimeoutExpired):
      self._process.kill()
      self._process.wait()
    self._reader.join(SECONDS)
    os.close(self._write)
    os.close(self._read)
    shutil.rmtree(self._home, ignore_errors=True)


class Page:
  """A page of a browser.

  Attributes:
    messages: what was written to the console, and errors of scripts.
    requests: addresses asked for, without `data:`.
  """

  def __init__(self, browser: Browser, session: str):
    self._browser, self._session = browser, session
    self._loaded = threading.Event()
    self.messages: list[str] = []
    self.requests: list[str] = []

  def call(self, method: str, **params) -> dict:
    """Calls a method of the protocol for this page."""
    return self._browser.call(method, self._session, **params)

  def take(self, event: str, params: dict[str, Any]) -> None:
    """Notes an event of the page."""
    if event == 'Page.loadEventFired':
      self._loaded.set()
    elif event == 'Runtime.consoleAPICalled':
      self.messages.append(json.dumps(params['args']))
    elif event == 'Runtime.exceptionThrown':
      self.messages.append(json.dumps(params['exceptionDetails']))
    elif event == 'Log.entryAdded':
      self.messages.append(json.dumps(params['entry']))
    elif event == 'Network.requestWillBeSent':
      url = params['request']['url']
      if not url.startswith('data:'):
        self.requests.append(url)

  def load(self, path: pathlib.Path | str, width: int, scheme: str) -> None:
    """Loads a file or address."""
    for domain in ('Page', 'Runtime', 'Log', 'Network'):
      self.call(f'{domain}.enable')
    self.emulate(width, scheme)
    self._loaded.clear()
    url = str(path)
    if '://' not in url:
      url = pathlib.Path(path).resolve().as_uri()
    self.call('Page.navigate', url=url)
    if not self._loaded.wait(SECONDS):
      raise RuntimeError(f'{path} has not loaded after {SECONDS} s.')

  def emulate(self, width: int, scheme: str = 'light') -> None:
    """Sets the width in pixels, and whether light or dark is preferred."""
    self.call(
      'Emulation.setDeviceMetricsOverride',
      width=width,
      height=900,
      deviceScaleFactor=1,
      mobile=width < 600,
    )
    feature = {'name': 'prefers-color-scheme', 'value': scheme}
    self.call('Emulation.setEmulatedMedia', features=[feature])

  def evaluate(self, script: str) -> Any:
    """The value of a JavaScript expression, as JSON can hold it."""
    found = self.call(
      'Runtime.evaluate',
      expression=script,
      returnByValue=True,
      awaitPromise=True,
    )
    if 'exceptionDetails' in found:
      raise RuntimeError(json.dumps(found['exceptionDetails']))
    return found['result'].get('value')

  def point(self, selector: str, click: bool = False) -> None:
    """Moves the mouse to the first element of that kind; clicks it or not."""
    x, y = self.evaluate(f"""(() => {{
      const element = document.querySelector({json.dumps(selector)});
      element.scrollIntoView({{block: 'center', behavior: 'instant'}});
      const box = element.getBoundingClientRect();
      return [box.x + box.width / 2, box.y + box.height / 2];
    }})()""")
    where = {'x': x, 'y': y, 'button': 'left', 'clickCount': 1}
    kinds = ['mousePressed', 'mouseReleased'] if click else []
    self.call('Input.dispatchMouseEvent', type='mouseMoved', x=x, y=y)
    for kind in kinds:
      self.call('Input.dispatchMouseEvent', type=kind, **where)

  def write(self, selector: str, text: str) -> None:
    """Clicks a field and writes into it."""
    self.point(selector, click=True)
    self.call('Input.insertText', text=text)

  def shoot(self, path: pathlib.Path) -> None:
    """Writes a picture of the whole page as PNG."""
    found = self.call('Page.captureScreenshot', captureBeyondViewport=True)
    pathlib.Path(path).write_bytes(base64.b64decode(found['data']))

  def print_pdf(self) -> bytes:
    """Prints the page as PDF."""
    found = self.call('Page.printToPDF', printBackground=True)
    return base64.b64decode(found['data'])
