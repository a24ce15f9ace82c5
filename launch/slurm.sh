#!/usr/bin/env bash
# Submits training to SLURM: one process per GPU, or per node without GPUs.
#
#   launch/slurm.sh [OPTION…] -- --config=FILE --workdir=DIR [FLAG…]
#
#   --nodes N      (1)
#   --gpus G       of every node (8); 0 trains on its CPUs
#   --cpus C       for every process: they decode videos (8)
#   --time T       limit, such as 1-00:00:00 (24:00:00)
#   --partition P  (SLURM's default)
#   --account A    (SLURM's default)
#   --dry-run      print what would be run, and run nothing
#
# After -- come flags of i2v_jax.main. DIR must be on a file system that all
# nodes share. Two minutes before the limit all processes are told to save and
# stop: submit the same again to go on. PYTHON=… chooses another python.

set -euo pipefail

die() { echo "error: $*" >&2 && exit 1; }

nodes=1 gpus=8 cpus=8 time=24:00:00 partition='' account='' dry=''
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) sed -n '2,/^$/s/^# \{0,1\}//p' "$0" && exit ;;
    --dry-run) dry=1 && shift && continue ;;
    --) shift && break ;;
    --nodes | --gpus | --cpus)
      [[ ${2-} =~ ^[0-9]+$ ]] || die "$1 is a whole number, not ${2-nothing}."
      ;;
    --time | --partition | --account) ;;
    *) die "there is no option $1; flags of i2v_jax.main come after --." ;;
  esac
  [ $# -gt 1 ] || die "$1 needs a value."
  declare "${1#--}=$2" && shift 2
done
for flag in --config --workdir; do
  [[ " $*" == *" $flag"* ]] || die "give $flag after --; --help shows how."
done

# JAX finds the other processes, and which GPU is its own, from SLURM's variables.
step=(srun --label --kill-on-bad-exit=1 "--cpus-per-task=$cpus"
  "${PYTHON:-python}" -m i2v_jax.main --distributed "$@")
command=(sbatch --job-name=i2v_jax "--nodes=$nodes" "--time=$time"
  "--ntasks-per-node=$((gpus > 0 ? gpus : 1))" "--cpus-per-task=$cpus"
  --signal=TERM@120)
[ "$gpus" -eq 0 ] || command+=("--gpus-per-node=$gpus")
[ -z "$partition" ] || command+=("--partition=$partition")
[ -z "$account" ] || command+=("--account=$account")
command+=("--wrap=$(printf '%q ' "${step[@]}")")
[ -z "$dry" ] || { printf '%q ' "${command[@]}" && echo && exit; }
command -v sbatch > /dev/null || die 'there is no sbatch; run it on a login node.'
"${command[@]}"
