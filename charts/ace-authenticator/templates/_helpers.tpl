{{/* Common labels of every object, as in manifests/, and what Helm asks for. Of: list of the context and the component. */}}
{{- define "ace-authenticator.labels" -}}
{{ include "ace-authenticator.podLabels" . }}
{{ include "ace-authenticator.helmLabels" (first .) }}
{{- end }}

{{- define "ace-authenticator.helmLabels" -}}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Labels of Pods, too: nothing that changes with the chart alone, or its next version would restart them. */}}
{{- define "ace-authenticator.podLabels" -}}
{{- $context := index . 0 }}{{ $component := index . 1 -}}
{{- $name := ternary "ace-authenticator" "ace-operator" (eq $component "authenticator") -}}
app.kubernetes.io/name: {{ $name }}
app.kubernetes.io/instance: {{ $name }}
app.kubernetes.io/version: {{ $context.Chart.AppVersion | quote }}
app.kubernetes.io/component: {{ $component }}
app.kubernetes.io/part-of: ace-operator
{{- end }}

{{/* The image, with the registry that Rancher's own charts are told, unless this one is told another. */}}
{{- define "ace-authenticator.image" -}}
{{- $registry := .Values.image.registry | default (dig "cattle" "systemDefaultRegistry" "" (.Values.global | default dict)) -}}
{{- with $registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{ .Values.image.repository }}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{/* Flags of the program as arguments, in the order of their names. */}}
{{- define "ace-authenticator.flags" -}}
{{- range $flag, $value := .Values.flags }}
- {{ printf "--%s=%v" $flag $value | quote }}
{{- end }}
{{- range .Values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end }}

{{/* Whether Pods have listeners of their own for metrics, on the address of the node. */}}
{{- define "ace-authenticator.hasMetrics" -}}
{{- if or .Values.monitoring.metrics .Values.monitoring.serviceMonitor.enabled }}true{{ end }}
{{- end }}

{{/* Whether probes need a listener of their own: of a pair, and where 127.0.0.1:6440 is no plain HTTP, by whatever way that was said. */}}
{{- define "ace-authenticator.isProbedApart" -}}
{{- $elsewhere := or .Values.pair.enabled (get (.Values.flags | default dict) "tls-cert-file") }}
{{- range .Values.extraArgs }}{{ if regexMatch "^--(tls-cert-file|listen)(=|$)" . }}{{ $elsewhere = true }}{{ end }}{{ end }}
{{- range .Values.extraEnv }}{{ if has .name (list "ACE_TLS_CERT_FILE" "ACE_LISTEN") }}{{ $elsewhere = true }}{{ end }}{{ end }}
{{- if $elsewhere }}true{{ end }}
{{- end }}

{{/* Features that older API servers refuse; `helm template` takes --kube-version. Of: dict of context, from, what. */}}
{{- define "ace-authenticator.needs" -}}
{{- if semverCompare (printf "<%s-0" .from) .context.Capabilities.KubeVersion.Version }}
{{- fail (printf "%s needs Kubernetes %s or newer; this is %s" .what .from .context.Capabilities.KubeVersion.Version) }}
{{- end }}
{{- end }}
