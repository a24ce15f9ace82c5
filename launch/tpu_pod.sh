#!/usr/bin/env bash
# Trains on a Cloud TPU pod slice: several hosts, got through a queue.
#
#   launch/tpu_pod.sh ACTION --name NAME --zone ZONE [OPTION…] [-- FLAG…]
#   create       a request in the queue; the slice costs money once it is there
#   status       of the request: the next steps need ACTIVE
#   install      the committed state of this repository on all hosts
#   run          i2v_jax.main on all, with the FLAGs: --config=FILE --workdir=DIR
#   delete       the request and the slice
#   --type T     of accelerator (v5litepod-16)
#   --version V  of the hosts' software (v2-alpha-tpuv5-lite)
#   --spot       cheaper, and may be taken away at any time
#   --dry-run    print what would be run, and run nothing
# DIR must be one folder on all hosts, such as a mount of Filestore or a bucket.
# Project and account are those of gcloud. Run again: it resumes what DIR holds.

set -euo pipefail

die() { echo "error: $*" >&2 && exit 1; }

action=${1-} name='' zone='' type=v5litepod-16 version=v2-alpha-tpuv5-lite
spot='' dry=''
[[ ! $action =~ ^(create|status|install|run|delete)$ ]] || shift
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) sed -n '2,/^$/s/^# \{0,1\}//p' "$0" && exit ;;
    --spot) spot=1 && shift && continue ;;
    --dry-run) dry=1 && shift && continue ;;
    --) shift && break ;;
    --name | --zone | --type | --version) ;;
    *) die "there is no action or option $1; --help shows them." ;;
  esac
  [ $# -gt 1 ] || die "$1 needs a value."
  declare "${1#--}=$2" && shift 2
done
[[ -n $action && -n $name && -n $zone ]] || die 'give ACTION, --name and --zone.'
[[ ! $action =~ ^run$ || " $*" == *' --workdir'* ]] || die 'give the FLAGs.'
[ -n "$dry" ] || command -v gcloud > /dev/null || die 'there is no gcloud.'

run() { if [ -n "$dry" ]; then printf '%q ' "$@" && echo; else "$@"; fi; }
on_all() { run gcloud compute tpus tpu-vm "$@" "--zone=$zone" --worker=all; }
queue() { run gcloud compute tpus queued-resources "$@" "--zone=$zone"; }
tar=${TMPDIR:-/tmp}/i2v_jax.tgz
# uv brings a Python that is new enough; that of the hosts is not.
uv='python3 -m uv --quiet' into='pip install --python venv/bin/python -e'
install="tar xzf i2v_jax.tgz && python3 -m pip install --quiet --user uv"
install+=" && $uv venv --clear --python 3.11 venv && $uv $into './i2v_jax[tpu]'"
main='cd i2v_jax && ../venv/bin/python -m i2v_jax.main --distributed'
case $action in
  create)
    queue create "$name" "--node-id=$name" "--accelerator-type=$type" \
      "--runtime-version=$version" ${spot:+--spot} ;;
  status) queue describe "$name" ;;
  install)
    run git -C "$(dirname "$0")/.." archive --prefix=i2v_jax/ -o "$tar" HEAD
    on_all scp "$tar" "$name:i2v_jax.tgz"
    on_all ssh "$name" "--command=$install" ;;
  run) on_all ssh "$name" "--command=$main $(printf '%q ' "$@")" ;;
  delete) queue delete "$name" --force --quiet ;;
esac
