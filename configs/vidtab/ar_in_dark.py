r"""VidTAB, AR_in_Dark: actions in dark clips.

python -m i2v_jax.main --config configs/vidtab/ar_in_dark.py \
  --workdir runs/vidtab
i2v sweep --config configs/vidtab/ar_in_dark.py
  configs/vidtab/ar_in_dark.py:method=aim,shots=4,fold=1
  configs/vidtab/ar_in_dark.py:release_quirks
  configs/vidtab/ar_in_dark.py:smoke

ARID; 11 classes, 2,011 test clips.
Arguments are those of configs/vidtab/all.py, and `fold`.
"""

from configs.vidtab import recipe

get_config, sweep = recipe.of('AR_in_Dark')
