r"""Draws report.png and report_errors.png, parts of the page of a run.

i2v sweep --config configs/quickstart.py --set steps=100 --only ZeroI2V \
  --workdir runs/looking
python docs/pictures/report.py runs/looking/ZeroI2V/report.html
"""

import base64
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
sys.path.append(str(HERE.parents[1] / 'tests' / 'support'))

from browser import Browser, Page, find_chromium  # noqa: E402

WIDTH = 1280


def shoot(page: Page, name: str, top: float, height: float) -> None:
  """Writes a part of a page, in pixels from its top."""
  clip = {'x': 0, 'y': top, 'width': WIDTH, 'height': height, 'scale': 0.75}
  found = page.call(
    'Page.captureScreenshot', captureBeyondViewport=True, clip=clip
  )
  (HERE / name).write_bytes(base64.b64decode(found['data']))


def draw(path: str) -> None:
  """Draws the top of the page, and its section on mistakes."""
  browser = Browser(find_chromium())
  page = browser.open(pathlib.Path(path), WIDTH)
  find = 'document.querySelector("#{}").getBoundingClientRect().top'.format
  shoot(page, 'report.png', 0, page.evaluate(find('costs')))
  shoot(page, 'report_errors.png', page.evaluate(find('errors')), 1650)
  browser.close()


if __name__ == '__main__':
  draw(sys.argv[1])
