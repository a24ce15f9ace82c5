r"""VidTAB, Quality_Access: high and low quality.

python -m i2v_jax.main --config configs/vidtab/quality_access.py \
  --workdir runs/vidtab
i2v sweep --config configs/vidtab/quality_access.py
  configs/vidtab/quality_access.py:method=aim,shots=4,fold=1
  configs/vidtab/quality_access.py:release_quirks
  configs/vidtab/quality_access.py:smoke

DOVER; 2 classes, 724 test videos.
Arguments are those of configs/vidtab/all.py, and `fold`.
"""

from configs.vidtab import recipe

get_config, sweep = recipe.of('Quality_Access')
