#!/usr/bin/env bash
# Trains in several processes on this machine, which meet on loopback.
#
#   launch/local.sh [OPTION…] -- --config=FILE --workdir=DIR [FLAG…]
#
#   --processes N  how many (2)
#   --port P       where process 0 listens (a free one)
#   --gpus         process i sees only GPU i
#   --dry-run      print what would be run, and run nothing
#
# After -- come flags of i2v_jax.main. Ctrl-C, or SIGTERM to this script, makes
# all processes save and stop. Ends with the exit code of the first that fails.
# PYTHON=… chooses another python.

set -euo pipefail

die() { echo "error: $*" >&2 && exit 1; }

processes=2 port='' gpus='' dry=''
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) sed -n '2,/^$/s/^# \{0,1\}//p' "$0" && exit ;;
    --gpus) gpus=1 && shift && continue ;;
    --dry-run) dry=1 && shift && continue ;;
    --) shift && break ;;
    --processes | --port) ;;
    *) die "there is no option $1; flags of i2v_jax.main come after --." ;;
  esac
  [ $# -gt 1 ] || die "$1 needs a value."
  [[ $2 =~ ^[1-9][0-9]{0,4}$ ]] || die "$1 is a whole number, not $2."
  declare "${1#--}=$2" && shift 2
done
for flag in --config --workdir; do
  [[ " $*" == *" $flag"* ]] || die "give $flag after --; --help shows how."
done
python=${PYTHON:-python}
command -v "$python" > /dev/null || die "there is no $python; set PYTHON."
free='import socket; s = socket.create_server(("", 0)); print(s.getsockname()[1])'
port=${port:-$("$python" -c "$free")}

pids=()
trap '[ "${#pids[@]}" -eq 0 ] || kill -TERM "${pids[@]}" 2> /dev/null || true' INT TERM
for ((i = 0; i < processes; i++)); do
  command=(env ${gpus:+"CUDA_VISIBLE_DEVICES=$i"} "$python" -m i2v_jax.main
    "--coordinator=localhost:$port" "--num_processes=$processes"
    "--process_id=$i" "$@")
  [ -z "$dry" ] || { printf '%q ' "${command[@]}" && echo '&' && continue; }
  "${command[@]}" &
  pids+=($!)
done
[ -z "$dry" ] || exit 0
code=0
for pid in "${pids[@]}"; do
  # A signal ends a wait, but not the process.
  while kill -0 "$pid" 2> /dev/null; do wait "$pid" || true; done
  wait "$pid" && ended=0 || ended=$?
  [ "$code" -ne 0 ] || code=$ended
done
exit "$code"
