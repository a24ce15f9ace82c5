#!/usr/bin/env bash
# Trains on a TPU slice of a GKE cluster: one pod per host, an Indexed Job.
#
#   launch/gke.sh --name NAME --image IMAGE --claim PVC [OPTION…] -- FLAG…
#
#   --image I     container with this project and its [tpu] extra
#   --claim C     PersistentVolumeClaim that many nodes may write, seen as /data
#   --type T      of the node pool (tpu-v5-lite-podslice)
#   --topology T  of the slice (4x4)
#   --hosts N     of the slice (4)
#   --chips N     of every host (4)
#   --dry-run     print the manifest that would be applied, and apply nothing
#
# FLAGs are those of i2v_jax.main: --config=FILE --workdir=/data/… . A pod that
# fails makes all fail; Kubernetes starts them again, three times, and they
# resume. Pods that it tells to stop save and count as done: delete the Job
# (kubectl delete job,service NAME) and apply it again to go on.

set -euo pipefail

die() { echo "error: $*" >&2 && exit 1; }

name='' image='' claim='' type=tpu-v5-lite-podslice topology=4x4 hosts=4 chips=4
dry=''
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) sed -n '2,/^$/s/^# \{0,1\}//p' "$0" && exit ;;
    --dry-run) dry=1 && shift && continue ;;
    --) shift && break ;;
    --hosts | --chips)
      [[ ${2-} =~ ^[1-9][0-9]*$ ]] || die "$1 is a number, not ${2-nothing}."
      ;;
    --name | --image | --claim | --type | --topology) ;;
    *) die "there is no option $1; flags of i2v_jax.main come after --." ;;
  esac
  [ $# -gt 1 ] || die "$1 needs a value."
  declare "${1#--}=$2" && shift 2
done
[[ -n $name && -n $image && -n $claim ]] || die 'give --name, --image, --claim.'
[[ " $*" == *' --workdir'* ]] || die 'give --config and --workdir after --.'
[ -n "$dry" ] || command -v kubectl > /dev/null || die 'there is no kubectl.'

json='import json, sys; print(json.dumps(sys.argv[1:]))' # is YAML, too
here=$(dirname "$0")
manifest=$(sed -e "s|{name}|$name|" -e "s|{image}|$image|" \
  -e "s|{claim}|$claim|" -e "s|{type}|$type|" -e "s|{topology}|$topology|" \
  -e "s|{hosts}|$hosts|" -e "s|{chips}|$chips|" \
  -e "s|{failures}|$((3 * hosts))|" "$here/gke_job.yaml")
flags=$(python3 -c "$json" "$@")
manifest=${manifest/'{flags}'/"$flags"}
if [ -n "$dry" ]; then echo "$manifest"; else kubectl apply -f - <<< "$manifest"; fi
