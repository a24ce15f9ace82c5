r"""VidTAB, Emotion_Analysis: emotions of actors.

python -m i2v_jax.main --config configs/vidtab/emotion_analysis.py \
  --workdir runs/vidtab
i2v sweep --config configs/vidtab/emotion_analysis.py
  configs/vidtab/emotion_analysis.py:method=aim,shots=4,fold=1
  configs/vidtab/emotion_analysis.py:release_quirks
  configs/vidtab/emotion_analysis.py:smoke

CAER; 7 classes, 3,953 test clips, uneven.
Arguments are those of configs/vidtab/all.py, and `fold`.
"""

from configs.vidtab import recipe

get_config, sweep = recipe.of('Emotion_Analysis')
