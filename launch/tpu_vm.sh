#!/usr/bin/env bash
# Trains on a Cloud TPU VM of one host.
#
#   launch/tpu_vm.sh ACTION --name NAME --zone ZONE [OPTION…] [-- FLAG…]
#   create       create the VM; it costs money until it is deleted
#   install      copy the committed state of this repository to it
#   run          train, with the FLAGs --config=FILE --workdir=DIR …
#   all          create, install and run
#   delete       delete the VM and its disk
#   --type T     accelerator (v5litepod-8)
#   --version V  software of the VM (v2-alpha-tpuv5-lite)
#   --spot       cheaper, but may be preempted at any time
#   --dry-run    print the commands, and run nothing
#
# Project and account are those of gcloud. Run again after an interruption: it
# resumes what DIR holds.

set -euo pipefail

actions='create install run all delete' switches='--spot'
options='--name --zone --type --version'
name='' zone='' type=v5litepod-8 version=v2-alpha-tpuv5-lite spot=''
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"
[[ -n $action && -n $name && -n $zone ]] || die 'give ACTION, --name and --zone.'
[[ ! $action =~ ^(run|all)$ ]] || check_flags "$@"
check_program gcloud

does() { [ "$action" = "$1" ] || [ "$action" = all ]; }
! does create ||
  tpu create "$name" "--accelerator-type=$type" "--version=$version" ${spot:+--spot}
! does install || install_on_tpu
! does run || train_on_tpu "$@"
[ "$action" != delete ] || tpu delete "$name" --quiet
