#!/bin/sh
# Starts this machine's own systemd as process 1 of a machine of its own: the files of this one under a layer
# that is thrown away, process ids, mounts, control groups and a network of its own with nothing but a loopback.
# There it runs a program as root, and ends with it. Needs root. Nothing is left, and nothing outside is changed.
#
#   boot.sh FOLDER PROJECT    FOLDER/trial is what is run; it finds FOLDER at /run/trial and PROJECT, for
#                             reading, at /opt/project, and its exit code goes to FOLDER/code
set -eu

group=/sys/fs/cgroup/unified
[ -d "$group" ] || group=/sys/fs/cgroup
group=$group/batond-machine.$$
mkdir "$group"
here=$(dirname "$(readlink -f "$0")")
# Whoever is in the group when it is unshared has it as the root of all groups.
sh -c 'echo $$ > "$1/cgroup.procs"; shift; exec "$@"' sh "$group" \
	unshare --mount --pid --fork --cgroup --uts --ipc --net --kill-child \
	sh "$here/machine.sh" "$1" "$2" || true
find "$group" -depth -type d -exec rmdir '{}' ';'
exit "$(cat "$1/code")"
