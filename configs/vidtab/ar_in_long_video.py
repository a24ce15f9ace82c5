r"""VidTAB, AR_in_Long_Video: cooking in videos of minutes.

python -m i2v_jax.main --config configs/vidtab/ar_in_long_video.py \
  --workdir runs/vidtab
i2v sweep --config configs/vidtab/ar_in_long_video.py
  configs/vidtab/ar_in_long_video.py:method=aim,shots=4,fold=1
  configs/vidtab/ar_in_long_video.py:release_quirks
  configs/vidtab/ar_in_long_video.py:smoke

Breakfast; 10 classes, 411 test videos, each listed twice.
Arguments are those of configs/vidtab/all.py, and `fold`.
"""

from configs.vidtab import recipe

get_config, sweep = recipe.of('AR_in_Long_Video')
