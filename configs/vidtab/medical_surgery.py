r"""VidTAB, Medical_Surgery: steps of surgery.

python -m i2v_jax.main --config configs/vidtab/medical_surgery.py \
  --workdir runs/vidtab
i2v sweep --config configs/vidtab/medical_surgery.py
  configs/vidtab/medical_surgery.py:method=aim,shots=4,fold=1
  configs/vidtab/medical_surgery.py:release_quirks
  configs/vidtab/medical_surgery.py:smoke

SurgicalActions160; 16 classes, 96 test clips; 4 shots only.
Arguments are those of configs/vidtab/all.py, and `fold`.
"""

from configs.vidtab import recipe

get_config, sweep = recipe.of('Medical_Surgery')
