#!/bin/sh
# Boots systemd over a throw-away copy of this machine's files, with Herald's package installed.
# usage: systemd_machine.sh FOLDER DEB, as the first process of namespaces of its own
set -eu
folder=$1
mount -t tmpfs herald "$folder"
mkdir "$folder/upper" "$folder/work" "$folder/root"
cp "$2" "$folder/upper/herald.deb"
mount -t overlay herald -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
root=$folder/root
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t sysfs -o ro sysfs "$root/sys"
for each in run tmp; do mount -t tmpfs tmpfs "$root/$each"; done
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
else
  mount -t tmpfs tmpfs "$root/sys/fs/cgroup"
  mkdir "$root/sys/fs/cgroup/systemd"
  mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
fi
# Nothing of this machine's own services.
rm -rf "$root"/usr/lib/systemd/system/*.wants "$root"/etc/systemd/system/*.wants
mkdir "$root/machine"
cd "$root"
pivot_root . machine
umount -l /machine
ip link set lo up
ip link add v0 type veth peer name v1
ip netns add client
ip link set v1 netns client
ip address add 10.99.0.1/24 dev v0
ip link set v0 up
ip -n client address add 10.99.0.2/24 dev v1
ip -n client link set v1 up
dpkg -i /herald.deb
exec env -i container=herald PATH="$PATH" /usr/lib/systemd/systemd --system --unit=basic.target \
  --log-target=console --log-level=warning --show-status=0
