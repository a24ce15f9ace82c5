r"""VidTAB, Fake_Face: manipulated faces.

python -m i2v_jax.main --config configs/vidtab/fake_face.py \
  --workdir runs/vidtab
i2v sweep --config configs/vidtab/fake_face.py
  configs/vidtab/fake_face.py:method=aim,shots=4,fold=1
  configs/vidtab/fake_face.py:release_quirks
  configs/vidtab/fake_face.py:smoke

FaceForensics++; 2 classes, 1,800 test videos.
Arguments are those of configs/vidtab/all.py, and `fold`.
"""

from configs.vidtab import recipe

get_config, sweep = recipe.of('Fake_Face')
