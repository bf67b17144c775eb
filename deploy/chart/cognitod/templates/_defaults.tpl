{{/*
Puts the defaults where the values have null, which is what a key with nothing but comments under it is: helm takes the default away
then, and half of the objects would be missing or broken. helm gives no template the chart's values.yaml, so `make manifests` copies it.
*/}}
{{- define "cognitod.defaults" -}}
{{- include "cognitod.fill" (dict "values" .Values "defaults" (.Files.Get "files/defaults.yaml" | fromYaml)) -}}
{{- end }}

{{/* Not within what is given to Kubernetes or the agent as it is: there null takes a default away, e.g. a limit. */}}
{{- define "cognitod.fill" -}}
{{- $asIs := list "affinity" "annotations" "config" "issuerRef" "labels" "nodeSelector" "podAnnotations" "podLabels" "resources" "updateStrategy" -}}
{{- range $key, $default := .defaults -}}
{{- $value := get $.values $key -}}
{{- if or (not (hasKey $.values $key)) (kindIs "invalid" $value) -}}
{{- $_ := set $.values $key $default -}}
{{- else if and (kindIs "map" $default) (kindIs "map" $value) (not (has $key $asIs)) -}}
{{- include "cognitod.fill" (dict "values" $value "defaults" $default) -}}
{{- end -}}
{{- end -}}
{{- end }}
