#!/usr/bin/env bash
# Submits training to SLURM: one process per GPU, or per node without GPUs.
#
#   launch/slurm.sh [OPTION…] -- --config=FILE --workdir=DIR [FLAG…]
#
#   --nodes N      number of nodes (1)
#   --gpus G       GPUs of every node (8); 0 trains on its CPUs
#   --cpus C       CPUs of every process, to decode videos (8)
#   --time T       time limit, such as 1-00:00:00 (24:00:00)
#   --partition P  partition (SLURM's default)
#   --account A    account (SLURM's default)
#   --dry-run      print the command, and run nothing
#
# After -- come flags of i2v_jax.main. DIR must be on a file system that all
# nodes share. Two minutes before the limit all processes save and stop:
# submit the same again to resume. PYTHON=… chooses another python.

set -euo pipefail

actions='' switches=''
options='--nodes --gpus --cpus --time --partition --account'
nodes=1 gpus=8 cpus=8 time=24:00:00 partition='' account=''
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"
check_integers 0 gpus
check_integers 1 nodes cpus
check_flags "$@"
check_program sbatch '; run it on a login node'

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
run "${command[@]}"
