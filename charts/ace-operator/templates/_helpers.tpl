{{/* Common labels of every object, as in manifests/, and what Helm asks for. Of: list of the context and the component. */}}
{{- define "ace-operator.labels" -}}
{{ include "ace-operator.podLabels" . }}
{{ include "ace-operator.helmLabels" (first .) }}
{{- end }}

{{- define "ace-operator.helmLabels" -}}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Labels of Pods, too: nothing that changes with the chart alone, or its next version would restart them. */}}
{{- define "ace-operator.podLabels" -}}
{{- $context := index . 0 }}{{ $component := index . 1 -}}
app.kubernetes.io/name: ace-operator
app.kubernetes.io/instance: ace-operator
app.kubernetes.io/version: {{ $context.Chart.AppVersion | quote }}
app.kubernetes.io/component: {{ $component }}
app.kubernetes.io/part-of: ace-operator
{{- end }}

{{/* The image, with the registry that Rancher's own charts are told, unless this one is told another. */}}
{{- define "ace-operator.image" -}}
{{- $registry := .Values.image.registry | default (dig "cattle" "systemDefaultRegistry" "" (.Values.global | default dict)) -}}
{{- with $registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{ .Values.image.repository }}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{/* Flags of the program as arguments, in the order of their names. */}}
{{- define "ace-operator.flags" -}}
{{- range $flag, $value := .Values.flags }}
- {{ printf "--%s=%v" $flag $value | quote }}
{{- end }}
{{- range .Values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end }}
