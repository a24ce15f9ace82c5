# Writes the files of this folder into /tmp/older_files.
#   git worktree add --detach OLD 44cb18a
#   unshare --uts sh -c 'hostname host; OLD=$PWD/OLD sh -e write.sh'
mkdir -p /tmp/older_files && cd /tmp/older_files
export PYTHONPATH=$OLD
python -c "from i2v_jax.data import digits; digits.generate('digits', 8, 4)"
i2v weights convert $OLD/tests/golden/hf_clip_vision --out image_model
python -m i2v_jax.main --config $OLD/configs/quickstart.py:smoke --workdir run \
  --config.data.root=digits --config.data.normalization=clip \
  --config.batch_size=4 --config.steps=4 --config.checkpoint_every=2 \
  --config.weights=image_model/model.safetensors \
  --config.model.backbone.width=48 --config.model.backbone.depth=2 \
  --config.model.backbone.num_heads=6 --config.model.backbone.patch_size=8 \
  --config.model.backbone.image_size=24
# As if the run had been killed after step 4, without what no test reads.
cd run
rm -r checkpoints/4 compiled eval events* linear_probe merged results.json
sed -i 's/"boot": .*/"boot": "",/' heartbeat-0.json
cd ..
for format in merged full adapter
do i2v export --workdir run --format $format --out $format
done
i2v data prepare --source folder --split val --short-side 24 --out prepared digits
i2v data check --source digits digits --split val --out checked
python - << 'END'
import json
from i2v_jax import trained
from i2v_jax.data import sources
model = trained.load('run')
numbers = lambda split, videos: {
  name: model.probabilities(video).tolist()
  for name, video in zip(split.ids, videos)
}
digits = sources.load('digits', 'digits', 'val')
shards = sources.load('prepared', 'prepared', 'val')
found = dict(
  digits=numbers(digits, digits.paths),
  prepared=numbers(shards, map(shards.records.__getitem__, range(4))),
)
open('probabilities.json', 'w').write(json.dumps(found, indent=1))
END
