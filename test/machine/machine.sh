#!/bin/sh
# Within the namespaces of boot.sh: lays the machine out and becomes its process 1.
set -eu
folder=$1
project=$2

mount --make-rprivate /
ip link set lo up

layer=/mnt
mount -t tmpfs -o mode=0755 layer $layer
root=$layer/root
mkdir $layer/upper $layer/work $root
mount -t overlay -o "lowerdir=/,upperdir=$layer/upper,workdir=$layer/work" overlay $root

mount -t proc proc $root/proc
mount -t sysfs sysfs $root/sys
mount -t cgroup2 cgroup2 $root/sys/fs/cgroup
mount -t tmpfs -o mode=0755 run $root/run
mount -t tmpfs -o mode=1777 tmp $root/tmp
mount -t tmpfs -o mode=0755 dev $root/dev
for device in null zero full random urandom tty; do
	touch $root/dev/$device
	mount --bind /dev/$device $root/dev/$device
done
mkdir $root/dev/pts $root/dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts $root/dev/pts
mount -t tmpfs -o mode=1777 shm $root/dev/shm
ln -s pts/ptmx $root/dev/ptmx
ln -s /proc/self/fd $root/dev/fd

mkdir -p $root/run/trial $root/opt/project
mount --bind "$folder" $root/run/trial
mount --bind "$project" $root/opt/project
mount -o remount,bind,ro $root/opt/project

cd $root
: > etc/fstab
echo trial > etc/hostname
echo 0123456789abcdef0123456789abcdef > etc/machine-id
rm -rf etc/systemd/system/*.wants
# What looks after hardware, clocks and networks has nothing to do here.
for unit in systemd-udevd.service systemd-udevd-kernel.socket systemd-udevd-control.socket \
	systemd-udev-trigger.service systemd-timesyncd.service systemd-networkd.service \
	systemd-resolved.service systemd-modules-load.service systemd-sysctl.service \
	systemd-binfmt.service systemd-update-utmp.service systemd-tmpfiles-clean.timer \
	getty@.service console-getty.service; do
	ln -sf /dev/null etc/systemd/system/$unit
done
cat > etc/systemd/system/trial.service <<'UNIT'
[Unit]
Wants=dbus.socket systemd-logind.service
After=dbus.socket systemd-logind.service

[Service]
Type=oneshot
TimeoutStartSec=300
ExecStart=/bin/sh -c '/run/trial/trial > /run/trial/output 2>&1; echo $? > /run/trial/code'
ExecStopPost=/usr/bin/systemctl --force --no-block poweroff
UNIT
mkdir old
# Not chroot: in one the kernel lets no user make namespaces.
pivot_root . old
cd /
umount -l /old
exec env -i container=batond-trial PATH=/usr/sbin:/usr/bin:/sbin:/bin \
	/lib/systemd/systemd --system --unit=trial.service --show-status=no --log-target=null
