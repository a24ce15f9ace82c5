#!/usr/bin/env bash
# Trains on a Cloud TPU pod slice: several hosts, requested through a queue.
#
#   launch/tpu_pod.sh ACTION --name NAME --zone ZONE [OPTION…] [-- FLAG…]
#   create       request the slice; it costs money once it is there
#   status       show the request; the next steps need ACTIVE
#   install      copy the committed state of this repository to all hosts
#   run          train on all, with the FLAGs --config=FILE --workdir=DIR …
#   delete       delete the request and the slice
#   --type T     accelerator (v5litepod-16)
#   --version V  software of the hosts (v2-alpha-tpuv5-lite)
#   --spot       cheaper, but may be preempted at any time
#   --dry-run    print the commands, and run nothing
# DIR must be one folder on all hosts, such as a mount of Filestore or a bucket.
# Project and account are those of gcloud. Run again: it resumes what DIR holds.

set -euo pipefail

actions='create status install run delete' switches='--spot'
options='--name --zone --type --version' worker=all
name='' zone='' type=v5litepod-16 version=v2-alpha-tpuv5-lite spot=''
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"
[[ -n $action && -n $name && -n $zone ]] || die 'give ACTION, --name and --zone.'
[ "$action" != run ] || check_flags "$@"
check_program gcloud

queue() { run gcloud compute tpus queued-resources "$@" "--zone=$zone"; }
case $action in
  create)
    queue create "$name" "--node-id=$name" "--accelerator-type=$type" \
      "--runtime-version=$version" ${spot:+--spot} ;;
  status) queue describe "$name" ;;
  install) install_on_tpu ;;
  run) train_on_tpu --distributed "$@" ;;
  delete) queue delete "$name" --force --quiet ;;
esac
