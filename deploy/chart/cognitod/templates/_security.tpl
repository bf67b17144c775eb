{{/* What the agent's container may do. Every capability that is added here says why. */}}
{{- define "cognitod.isRoot" -}}
{{- if or (eq .Values.mode "privileged") (not .Values.b.nonRoot) }}true{{ end }}
{{- end }}

{{- define "cognitod.keepsPtrace" -}}
{{- if or (and (eq .Values.mode "privileged") .Values.a.sysPtrace) (and (eq .Values.mode "unprivileged") .Values.b.sysPtrace) }}true{{ end }}
{{- end }}

{{/* Combinations that cannot work are refused before anything is installed. */}}
{{- define "cognitod.check" -}}
{{- if and (eq .Values.mode "unprivileged") .Values.b.nonRoot }}
{{- if .Values.cri.enabled }}{{ fail "cri.enabled needs root: mode: privileged, or b.nonRoot: false" }}{{ end }}
{{- end }}
{{- if and (eq .Values.seccomp.type "Localhost") (not .Values.seccomp.localhostProfile) }}{{ fail "seccomp.type: Localhost needs seccomp.localhostProfile" }}{{ end }}
{{- with .Values.api }}
{{- if and .admin.enabled (not .expose) }}{{ fail "api.admin.enabled needs api.expose: on loopback in the pod no token is asked for" }}{{ end }}
{{- if and .admin.enabled .admin.existingSecret (eq .admin.existingSecret .existingSecret) }}{{ fail "api.admin.existingSecret is that of the read token: the agent refuses one token for both" }}{{ end }}
{{- end }}
{{- range $section, $keys := .Values.config }}
{{- if has $section (list "collector" "node_name" "proc_root" "sys_root" "privileges" "runtime") }}
{{- fail (printf "config.%s is set by the chart: see the values beside config" $section) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "cognitod.securityContext" -}}
{{- if and (eq .Values.mode "privileged") .Values.a.privileged -}}
privileged: true
runAsUser: 0
readOnlyRootFilesystem: true
{{- else if eq .Values.mode "privileged" -}}
privileged: false
allowPrivilegeEscalation: false
runAsUser: 0
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
  add:
    # Make maps and the ring buffer, load programs.
    - BPF
    # Programs that look into the kernel's records of processes; attach them to its tracepoints.
    - PERFMON
    {{- if .Values.a.emptyBoundingSet }}
    # Only to empty the bounding set at the start.
    - SETPCAP
    {{- end }}
    {{- if .Values.a.sysPtrace }}
    # Executable paths of processes that are older than the agent.
    - SYS_PTRACE
    {{- end }}
    {{- if .Values.a.sysResource }}
    # Linux 5.8 to 5.10 charge maps to the limit of locked memory, which this raises.
    - SYS_RESOURCE
    {{- end }}
    {{- if .Values.a.sysAdmin }}
    # Kernels of vendors without CAP_BPF and CAP_PERFMON ask for this instead.
    - SYS_ADMIN
    {{- end }}
{{- else -}}
privileged: false
{{- if .Values.b.nonRoot }}
{{- if .Values.b.allowPrivilegeEscalation }}
# For runtimes that start a container without the capabilities that it was given; the agent sets no_new_privs itself.
{{- end }}
allowPrivilegeEscalation: {{ .Values.b.allowPrivilegeEscalation }}
runAsUser: 65532
runAsGroup: 65532
runAsNonRoot: true
{{- else }}
allowPrivilegeEscalation: false
runAsUser: 0
{{- end }}
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
  add:
    # Make maps and the ring buffer, load programs.
    - BPF
    # Programs that look into the kernel's records of processes; attach them to its tracepoints.
    - PERFMON
    {{- if .Values.b.emptyBoundingSet }}
    # Only to empty the bounding set at the start.
    - SETPCAP
    {{- end }}
    {{- if .Values.b.sysPtrace }}
    # Executable paths of processes that are older than the agent.
    - SYS_PTRACE
    {{- end }}
{{- end }}
{{- include "cognitod.confinement" . }}
{{- end }}

{{/* seccomp, AppArmor and SELinux; a privileged container has none of them. */}}
{{- define "cognitod.confinement" -}}
{{- if not (and (eq .Values.mode "privileged") .Values.a.privileged) }}
seccompProfile:
  type: {{ .Values.seccomp.type }}
  {{- if eq .Values.seccomp.type "Localhost" }}
  localhostProfile: {{ .Values.seccomp.localhostProfile }}
  {{- end }}
{{- if and .Values.appArmor (include "cognitod.since130" .) }}
appArmorProfile:
  {{- if eq .Values.appArmor "Unconfined" }}
  type: Unconfined
  {{- else }}
  type: Localhost
  localhostProfile: {{ .Values.appArmor }}
  {{- end }}
{{- end }}
{{- with .Values.seLinuxType }}
seLinuxOptions:
  type: {{ . }}
{{- end }}
{{- end }}
{{- end }}

{{/* AppArmor before Kubernetes 1.30 is an annotation of the pod, by the container's name. */}}
{{- define "cognitod.appArmorAnnotation" -}}
{{- if and .Values.appArmor (not (include "cognitod.since130" .)) (not (and (eq .Values.mode "privileged") .Values.a.privileged)) -}}
container.apparmor.security.beta.kubernetes.io/cognitod: {{ if eq .Values.appArmor "Unconfined" }}unconfined{{ else }}localhost/{{ .Values.appArmor }}{{ end }}
{{- end }}
{{- end }}
