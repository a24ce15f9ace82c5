r"""VidTAB, Harmful_Content: cartoons that are not for children.

python -m i2v_jax.main --config configs/vidtab/harmful_content.py \
  --workdir runs/vidtab
i2v sweep --config configs/vidtab/harmful_content.py
  configs/vidtab/harmful_content.py:method=aim,shots=4,fold=1
  configs/vidtab/harmful_content.py:release_quirks
  configs/vidtab/harmful_content.py:smoke

MOB; 3 classes, 1,661 test lines of 1,573 videos: 88 have two labels.
Arguments are those of configs/vidtab/all.py, and `fold`.
"""

from configs.vidtab import recipe

get_config, sweep = recipe.of('Harmful_Content')
