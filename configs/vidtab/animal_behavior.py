r"""VidTAB, Animal_Behavior: what an animal does.

python -m i2v_jax.main --config configs/vidtab/animal_behavior.py \
  --workdir runs/vidtab
i2v sweep --config configs/vidtab/animal_behavior.py
  configs/vidtab/animal_behavior.py:method=aim,shots=4,fold=1
  configs/vidtab/animal_behavior.py:release_quirks
  configs/vidtab/animal_behavior.py:smoke

Animal Kingdom; 12 classes, 2,268 test clips, uneven.
Arguments are those of configs/vidtab/all.py, and `fold`.
"""

from configs.vidtab import recipe

get_config, sweep = recipe.of('Animal_Behavior')
