#!/usr/bin/env bash
# Runs a command as a newcomer's machine would: without the BLAS libraries, the Vulkan drivers and the
# Slurm that this one may have, with empty caches of npm and Deno. What is hidden is hidden from the
# command alone, in a mount namespace of its own.
#
# usage: tests/bare_machine.sh [--with-blas] [--with-vulkan] COMMAND [ARGUMENT...]
# Exit status: the command's; 2 wrong usage; 77 where namespaces are not permitted (needs root, Linux).
set -u -o pipefail

blas=hidden vulkan=hidden
while [ $# -gt 0 ]; do
  case $1 in
    --with-blas) blas=shown ;;
    --with-vulkan) vulkan=shown ;;
    --*) echo "Unknown option $1: --with-blas and --with-vulkan are known" >&2; exit 2 ;;
    *) break ;;
  esac
  shift
done
[ $# -gt 0 ] || { sed -n '6,7s/^# //p' "$0" >&2; exit 2; }
if ! unshare --mount true 2>/dev/null; then
  echo "Skipped: hiding libraries needs a mount namespace (Linux, root)" >&2
  exit 77
fi

caches=$(mktemp -d)
trap 'rm -rf "$caches"' EXIT
BLAS=$blas VULKAN=$vulkan CACHES=$caches unshare --mount --propagation private bash -u -c '
  if [ "$BLAS" = hidden ]; then
    # An empty file in place of each library that can multiply matrices, links followed.
    ldconfig -p | sed -n "s/.* => //p" | grep -E "/lib(open|c|atl|flexi)?(blas|blis|atlas|mkl_rt)[^/]*$" |
      xargs -r readlink -f | sort -u | while read -r library; do
        mount --bind /dev/null "$library" || exit 1
      done || exit 1
  fi
  if [ "$VULKAN" = hidden ]; then
    for folder in /usr/share/vulkan/icd.d /usr/local/share/vulkan/icd.d /etc/vulkan/icd.d; do
      [ ! -d "$folder" ] || mount -t tmpfs none "$folder" || exit 1
    done
  fi
  for program in munged slurmctld slurmd sbatch squeue; do
    path=$(command -v "$program") && { mount --bind /dev/null "$path" || exit 1; }
  done
  export npm_config_cache="$CACHES/npm" DENO_DIR="$CACHES/deno"
  exec "$@"
' bare "$@"
