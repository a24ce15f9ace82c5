# shellcheck shell=bash disable=SC2034,SC2154
# What the scripts of this folder share. Each sets these, then sources it:
#
#   actions   words that the first argument may be; it becomes $action
#   options   options with a value, which becomes the variable of that name
#   switches  options without one; --dry-run, which all have, becomes $dry_run
#
# What follows --, the flags of i2v_jax.main, is left in "$@".

die() { echo "error: $*" >&2 && exit 1; }

action='' dry_run=''
if [[ -n ${1-} && " $actions " == *" $1 "* ]]; then action=$1 && shift; fi
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) sed -n '2,/^$/s/^# \{0,1\}//p' "$0" && exit ;;
    --dry-run) dry_run=1 && shift && continue ;;
    --) shift && break ;;
  esac
  if [[ " $switches " == *" $1 "* ]]; then
    printf -v "${1#--}" 1 && shift && continue
  fi
  [[ " $options " == *" $1 "* ]] ||
    die "there is no option $1; --help shows all, and flags come after --."
  [ $# -gt 1 ] || die "$1 needs a value."
  printf -v "${1#--}" %s "$2" && shift 2
done

check_integers() { # LEAST NAME…
  local option
  for option in "${@:2}"; do
    [[ ${!option} =~ ^(0|[1-9][0-9]{0,8})$ && ${!option} -ge $1 ]] ||
      die "--$option is an integer from $1, not ${!option}."
  done
}

check_flags() { # FLAG…
  local flag
  for flag in --config --workdir; do
    [[ " $*" == *" $flag"* ]] || die "give $flag after --; --help shows how."
  done
}

check_program() { # PROGRAM [HINT]
  [ -n "$dry_run" ] || command -v "$1" > /dev/null || die "there is no $1${2-}."
}

run() { # COMMAND…
  if [ -n "$dry_run" ]; then printf '%q ' "$@" && echo; else "$@"; fi
}

# On a TPU, which the options --name and --zone name; $worker chooses its hosts.
tpu() { # VERB ARGUMENT…
  run gcloud compute tpus tpu-vm "$@" "--zone=$zone" ${worker:+"--worker=$worker"}
}

install_on_tpu() { # the committed state of this repository
  local tar=${TMPDIR:-/tmp}/i2v_jax.tgz uv='python3 -m uv --quiet' command
  run git -C "$(dirname "$0")/.." archive --prefix=i2v_jax/ -o "$tar" HEAD
  tpu scp "$tar" "$name:i2v_jax.tgz"
  # uv brings a Python that is new enough; that of the hosts is not.
  command='tar xzf i2v_jax.tgz && python3 -m pip install --quiet --user uv'
  command+=" && $uv venv --clear --python 3.11 venv"
  command+=" && $uv pip install --python venv/bin/python -e './i2v_jax[tpu]'"
  tpu ssh "$name" "--command=$command"
}

train_on_tpu() { # FLAG…
  local main='cd i2v_jax && ../venv/bin/python -m i2v_jax.main'
  tpu ssh "$name" "--command=$main $(printf '%q ' "$@")"
}
