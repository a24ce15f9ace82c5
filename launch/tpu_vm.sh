#!/usr/bin/env bash
# Trains on a Cloud TPU VM of one host.
#
#   launch/tpu_vm.sh ACTION --name NAME --zone ZONE [OPTION…] [-- FLAG…]
#   create       the VM; it costs money until it is deleted
#   install      the committed state of this repository on it
#   run          i2v_jax.main with the FLAGs: --config=FILE --workdir=DIR …
#   all          the three
#   delete       the VM, with all that is on its disk
#   --type T     of accelerator (v5litepod-8)
#   --version V  of the VM's software (v2-alpha-tpuv5-lite)
#   --spot       cheaper, and may be taken away at any time
#   --dry-run    print what would be run, and run nothing
#
# Project and account are those of gcloud. Run again after an interruption: it
# resumes what DIR holds.

set -euo pipefail

die() { echo "error: $*" >&2 && exit 1; }

action=${1-} name='' zone='' type=v5litepod-8 version=v2-alpha-tpuv5-lite
spot='' dry=''
[[ ! $action =~ ^(create|install|run|all|delete)$ ]] || shift
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
[[ ! $action =~ ^(run|all)$ || " $*" == *' --workdir'* ]] || die 'give the FLAGs.'
[ -n "$dry" ] || command -v gcloud > /dev/null || die 'there is no gcloud.'

run() { if [ -n "$dry" ]; then printf '%q ' "$@" && echo; else "$@"; fi; }
vm() { run gcloud compute tpus tpu-vm "$1" "${@:2}" "--zone=$zone"; }
does() { [ "$action" = "$1" ] || [ "$action" = all ]; }
tar=${TMPDIR:-/tmp}/i2v_jax.tgz
# uv brings a Python that is new enough; that of the VM is not.
uv='python3 -m uv --quiet' into='pip install --python venv/bin/python -e'
install="tar xzf i2v_jax.tgz && python3 -m pip install --quiet --user uv"
install+=" && $uv venv --clear --python 3.11 venv && $uv $into './i2v_jax[tpu]'"
! does create ||
  vm create "$name" "--accelerator-type=$type" "--version=$version" ${spot:+--spot}
if does install; then
  run git -C "$(dirname "$0")/.." archive --prefix=i2v_jax/ -o "$tar" HEAD
  vm scp "$tar" "$name:i2v_jax.tgz"
  vm ssh "$name" "--command=$install"
fi
if does run; then
  main="cd i2v_jax && ../venv/bin/python -m i2v_jax.main"
  vm ssh "$name" "--command=$main $(printf '%q ' "$@")"
fi
[ "$action" != delete ] || vm delete "$name" --quiet
