{{/* Names, labels and the image. */}}
{{- define "cognitod.isSidecar" -}}{{ if eq .Values.mode "sidecar" }}true{{ end }}{{- end }}

{{- define "cognitod.component" -}}{{ if eq .Values.mode "sidecar" }}admission{{ else }}agent{{ end }}{{- end }}

{{- define "cognitod.selector" -}}
app.kubernetes.io/name: {{ .Values.name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: {{ include "cognitod.component" . }}
{{- end }}

{{- define "cognitod.labels" -}}
{{ include "cognitod.selector" . }}
app.kubernetes.io/part-of: linnix
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "cognitod.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}
{{- else -}}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "cognitod.tokenSecret" -}}{{ .Values.api.existingSecret | default (printf "%s-token" .Values.name) }}{{- end }}

{{- define "cognitod.adminTokenSecret" -}}{{ .Values.api.admin.existingSecret | default (printf "%s-admin-token" .Values.name) }}{{- end }}

{{/* Whether pods have fields that Kubernetes 1.30 brought: appArmorProfile, recursiveReadOnly, policies in CEL. */}}
{{- define "cognitod.since130" -}}{{ if semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version }}true{{ end }}{{- end }}

{{/* Whether the API server has policies in CEL. */}}
{{- define "cognitod.hasPolicies" -}}{{ if .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy" }}true{{ end }}{{- end }}

{{/* A list of strings as CEL writes it. */}}
{{- define "cognitod.celList" -}}
{{- $quoted := list }}{{ range . }}{{ $quoted = append $quoted (squote .) }}{{ end -}}
[{{ join ", " $quoted }}]
{{- end }}
