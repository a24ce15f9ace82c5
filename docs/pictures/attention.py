r"""Draws attention.png, and attention_row.png: some rows of it.

python -m i2v_jax.main --config configs/quickstart.py --config.compare={} \
  --config.steps=300 --config.optimizer.lr=3e-3 \
  --config.optimizer.warmup_epochs=1.0 --workdir runs/quickstart
python docs/pictures/attention.py runs/quickstart
"""

import dataclasses
import pathlib
import sys

from i2v_jax.data.show import sheet
from i2v_jax.deploy import trained
from i2v_jax.deploy.attention import compute, pictures

HERE = pathlib.Path(__file__).parent
MOTION, CLIP = 'left and back', 0  # of the validation split
ROW = 'frame -1'  # the group of heads that README shows


def draw(workdir: str) -> None:
  """Draws both pictures of a run of the quickstart."""
  model = trained.load(workdir)
  folder = pathlib.Path(model.config['data']['root'], 'val', MOTION)
  attention = compute.compute_attention(model, sorted(folder.iterdir())[CLIP])
  sheet.write(HERE / 'attention.png', pictures.draw_sheet(attention))
  some = [one for one in attention.maps if one.name == ROW]
  row = dataclasses.replace(attention, maps=some)
  sheet.write(HERE / 'attention_row.png', pictures.draw_sheet(row))


if __name__ == '__main__':
  draw(sys.argv[1])
