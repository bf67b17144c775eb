{{/* The agent's configuration: what the chart has to set, and over it what `config` says. */}}
{{- define "cognitod.config" -}}
{{- $apiAddress := ternary .Values.ops.address "127.0.0.1" .Values.api.expose -}}
{{- $api := dict "listen" (printf "%s:%v" $apiAddress .Values.api.port) -}}
{{- if .Values.api.expose }}{{ $_ := set $api "token_file" "/etc/cognitod/token/token" }}{{ end -}}
{{- if .Values.api.admin.enabled }}{{ $_ := set $api "admin_token_file" "/etc/cognitod/admin-token/token" }}{{ end -}}
{{- $runtime := dict "cri" "off" "docker" "off" "podman" "off" -}}
{{- if .Values.cri.enabled }}{{ $_ := set $runtime "cri" (printf "/host%s" .Values.cri.socket) }}{{ end -}}
{{- $set := dict
  "collector" "auto"
  "proc_root" "/host/proc"
  "sys_root" "/host/sys"
  "api" $api
  "ops" (dict "listen" (printf "%s:%v" .Values.ops.address .Values.ops.port))
  "kubernetes" (dict "api" (ternary "in-cluster" "off" .Values.kubernetes.enabled))
  "runtime" $runtime
  "events" (dict "print" false) -}}
{{- if include "cognitod.keepsPtrace" . }}{{ $_ := set $set "privileges" (dict "keep" (list "SYS_PTRACE")) }}{{ end -}}
{{- $evidence := dict -}}
{{- if ne .Values.evidence.storage "memory" }}{{ $_ := set $evidence "directory" "/var/lib/cognitod/evidence" }}{{ end -}}
{{- if .Values.evidence.clusterPolicies }}{{ $_ := set $evidence "cluster_policies" true }}{{ $_ := set $evidence "cluster_roles" (list .Values.name) }}{{ end -}}
{{- if .Values.evidence.anchorEvents }}{{ $_ := set $evidence "anchor_events" true }}{{ end -}}
{{- if $evidence }}{{ $_ := set $set "evidence" $evidence }}{{ end -}}
{{- mergeOverwrite $set (deepCopy .Values.config) | toYaml -}}
{{- end }}
