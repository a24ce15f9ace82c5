#!/usr/bin/env bash
# Trains in several processes on this machine.
#
#   launch/local.sh [OPTION…] -- --config=FILE --workdir=DIR [FLAG…]
#
#   --processes N  number of processes (2)
#   --port P       port on which process 0 listens (a free one)
#   --gpus         process i sees only GPU i
#   --dry-run      print the commands, and run nothing
#
# After -- come flags of i2v_jax.main. Ctrl-C, or SIGTERM to this script, makes
# all processes save and stop. Exits with the code of the first that fails.
# PYTHON=… chooses another python.

set -euo pipefail

actions='' options='--processes --port' switches='--gpus'
processes=2 port='' gpus=''
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"
check_integers 1 processes ${port:+port}
check_flags "$@"
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
  [ -z "$dry_run" ] || { printf '%q ' "${command[@]}" && echo '&' && continue; }
  "${command[@]}" &
  pids+=($!)
done
[ -z "$dry_run" ] || exit 0
code=0
for pid in "${pids[@]}"; do
  # A signal ends a wait, but not the process.
  while kill -0 "$pid" 2> /dev/null; do wait "$pid" || true; done
  wait "$pid" && ended=0 || ended=$?
  [ "$code" -ne 0 ] || code=$ended
done
exit "$code"
