# Debian 12 with what the README names and no more: newcomer.sh CELL. The network is QEMU's; names, certificates and the
# package mirror are the host's. Installs, starts the agent by `make run`, asks it, and runs kernel tests.
cell=$1
finish() {
	printf '{"ok":%s,"text":"%s","figures":{"run":"%s","tests":"%s"}}\n' "$1" "$2" "$ready" "$tests" >"/job/$cell.json"
	exit 0
}
ready= tests=
modprobe virtio_net
sleep 1
# Not iproute2: it brings libbpf1, which a newcomer may not have.
busybox ip link set eth0 up && busybox ip addr add 10.0.2.15/24 dev eth0 && busybox ip route add default via 10.0.2.2
cp /job/network/hosts /etc/hosts
cp /job/network/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d
cp -r /job/network/apt/. /etc/apt/
echo 'nameserver 10.0.2.3' >/etc/resolv.conf
# The clone that a newcomer would have.
mkdir /root/cognitod
tar -C /root/cognitod -xf /job/tree.tar --exclude='./.stripped' --exclude='.stripped' --exclude='build'
cd /root/cognitod || finish false 'no sources'
cp /job/network/npmrc /root/.npmrc
dpkg -s libbpf1 >/dev/null 2>&1 && finish false 'libbpf1 is there before the installation'
start=$(date +%s)
make run >/tmp/run.log 2>&1 &
for i in $(seq 1 900); do
	ready=$(node -e "fetch('http://127.0.0.1:9464/readyz').then(async (r) => console.log(r.status)).catch(() => {})" 2>/dev/null)
	[ "$ready" = 200 ] && break
	kill -0 $! 2>/dev/null || break
	sleep 2
done
echo "make run: ready after $(($(date +%s) - start)) s"
head -n 30 /tmp/run.log
[ "$ready" = 200 ] || finish false 'make run does not get ready'
./cognitod status
pkill -INT -f 'src/main.ts agent'
wait
tail -n 8 /tmp/run.log
node_modules/node-linux-*/bin/node scripts/test.ts src/collect/exact.kernel.test.ts src/collect/cgroups.kernel.test.ts src/kernel/program-info.kernel.test.ts test/privileges.kernel.test.ts >/tmp/tests.log 2>&1
cat /tmp/tests.log
tests=$(tail -n 1 /tmp/tests.log)
case $tests in
	*' 0 failed'*) finish true "make run is ready; $tests" ;;
	*) finish false "$tests" ;;
esac
