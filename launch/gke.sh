#!/usr/bin/env bash
# Trains on a TPU slice of a GKE cluster: one pod per host, an Indexed Job.
#
#   launch/gke.sh --name NAME --image IMAGE --claim PVC [OPTION…] -- FLAG…
#
#   --image I     container image with this project and its [tpu] extra
#   --claim C     PersistentVolumeClaim that all nodes may write, mounted at /data
#   --type T      accelerator of the node pool (tpu-v5-lite-podslice)
#   --topology T  shape of the slice (4x4)
#   --hosts N     hosts of the slice (4)
#   --chips N     chips of every host (4)
#   --dry-run     print the manifest that would be applied, and apply nothing
#
# FLAGs are those of i2v_jax.main: --config=FILE --workdir=/data/… . A pod that
# fails makes all fail; Kubernetes restarts them, three times, and they resume.
# Pods that it stops save and count as done: delete the Job (kubectl delete
# job,service NAME) and apply it again to resume.

set -euo pipefail

actions='' switches=''
options='--name --image --claim --type --topology --hosts --chips'
name='' image='' claim='' type=tpu-v5-lite-podslice topology=4x4 hosts=4 chips=4
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"
check_integers 1 hosts chips
[[ -n $name && -n $image && -n $claim ]] || die 'give --name, --image, --claim.'
check_flags "$@"
check_program kubectl

json='import json, sys; print(json.dumps(sys.argv[1:]))' # JSON is YAML, too
here=$(dirname "$0")
manifest=$(sed -e "s|{name}|$name|" -e "s|{image}|$image|" \
  -e "s|{claim}|$claim|" -e "s|{type}|$type|" -e "s|{topology}|$topology|" \
  -e "s|{hosts}|$hosts|" -e "s|{chips}|$chips|" \
  -e "s|{failures}|$((3 * hosts))|" "$here/gke_job.yaml")
flags=$(python3 -c "$json" "$@")
manifest=${manifest/'{flags}'/"$flags"}
if [ -n "$dry_run" ]; then echo "$manifest"; else kubectl apply -f - <<< "$manifest"; fi
