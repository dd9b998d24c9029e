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

# Its processes may be a moment in going.
clean() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		find "$group" -depth -type d -exec rmdir '{}' ';' 2> /dev/null
		[ -d "$group" ] || return 0
		sleep 0.3
	done
}
trap clean EXIT
trap 'kill "$machine" && wait "$machine"; exit 1' INT TERM

# Whoever is in the group when it is unshared has it as the root of all groups. The machine ends with `unshare`.
timeout 280 sh -c 'echo $$ > "$1/cgroup.procs"; shift; exec "$@"' sh "$group" \
	unshare --mount --pid --fork --cgroup --uts --ipc --net --kill-child \
	sh "$here/machine.sh" "$1" "$2" &
machine=$!
wait "$machine" || true
exit "$(cat "$1/code")"
