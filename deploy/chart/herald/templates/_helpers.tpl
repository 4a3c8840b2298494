{{- define "herald.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "herald.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- /* The name of an object of the namespace: herald.object (list . "controller"). */}}
{{- define "herald.object" -}}
{{- $root := index . 0 }}
{{- if $root.Values.metallbNames }}{{ index . 1 }}{{ else }}{{ include "herald.fullname" $root }}-{{ index . 1 }}{{ end }}
{{- end }}

{{- /* The name of an object of the whole cluster. */}}
{{- define "herald.clusterObject" -}}
{{- $root := index . 0 }}
{{- ternary $root.Release.Namespace (include "herald.fullname" $root) $root.Values.metallbNames }}:{{ index . 1 }}
{{- end }}

{{- define "herald.serviceAccount" -}}
{{- $root := index . 0 }}
{{- $account := (index $root.Values (index . 1)).serviceAccount }}
{{- if $account.create }}{{ default (include "herald.object" .) $account.name }}{{ else }}{{ default "default" $account.name }}{{ end }}
{{- end }}

{{- define "herald.secretName" -}}
{{- default (include "herald.object" (list . "memberlist")) .Values.speaker.secretName }}
{{- end }}

{{- /* Labels of every object. */}}
{{- define "herald.labels" -}}
app.kubernetes.io/name: {{ include "herald.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: {{ include "herald.name" . }}
{{- if .Values.metallbNames }}
app: metallb
{{- else }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") }}
{{- end }}
{{- end }}

{{- /* What a workload is selected by; it can never be changed. */}}
{{- define "herald.selector" -}}
{{- $root := index . 0 }}
{{- if $root.Values.metallbNames -}}
app: metallb
component: {{ index . 1 }}
{{- else -}}
app.kubernetes.io/name: {{ include "herald.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}
{{- end }}

{{- /* Labels of a pod. MetalLB's two are always there: the speakers find each other by them. */}}
{{- define "herald.podLabels" -}}
{{- $root := index . 0 -}}
app: metallb
component: {{ index . 1 }}
app.kubernetes.io/name: {{ include "herald.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- with (index $root.Values (index . 1)).labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "herald.podAnnotations" -}}
{{- $root := index . 0 }}
{{- $annotations := dict }}
{{- if $root.Values.prometheus.scrapeAnnotations }}
{{- $annotations = dict "prometheus.io/scrape" "true" "prometheus.io/port" ($root.Values.prometheus.metricsPort | toString) }}
{{- end }}
{{- with merge $annotations (index $root.Values (index . 1)).podAnnotations }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{- define "herald.image" -}}
{{- $root := index . 0 }}
{{- $own := (index $root.Values (index . 1)).image }}
{{- $all := $root.Values.image -}}
image: {{ default $all.repository $own.repository }}:{{ default (default $root.Chart.AppVersion $all.tag) $own.tag }}
{{- with default $all.pullPolicy $own.pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
{{- end }}

{{- /* Flags that both roles have. */}}
{{- define "herald.args" -}}
{{- $root := index . 0 }}
{{- $role := index $root.Values (index . 1) -}}
- run
- --role={{ index . 1 }}
- --port={{ $root.Values.prometheus.metricsPort }}
- --log-level={{ $role.logLevel }}
{{- if ne $role.logFormat "json" }}
- --log-format={{ $role.logFormat }}
{{- end }}
{{- with $root.Values.loadBalancerClass }}
- --lb-class={{ . }}
{{- end }}
{{- with $root.Values.existingConfigMap }}
- --config={{ . }}
{{- end }}
{{- end }}

{{- define "herald.probes" -}}
{{- $role := index (index . 0).Values (index . 1) }}
{{- with $role.livenessProbe }}
{{- if .enabled }}
livenessProbe:
  httpGet: { path: /healthz, port: monitoring }
  {{- toYaml (omit . "enabled") | nindent 2 }}
{{- end }}
{{- end }}
{{- with $role.readinessProbe }}
{{- if .enabled }}
readinessProbe:
  httpGet: { path: /readyz, port: monitoring }
  {{- toYaml (omit . "enabled") | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{- /* What a pod of either role says of where and how it runs. */}}
{{- define "herald.placement" -}}
{{- $root := index . 0 }}
{{- $role := index $root.Values (index . 1) -}}
serviceAccountName: {{ include "herald.serviceAccount" . }}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
terminationGracePeriodSeconds: {{ $role.terminationGracePeriodSeconds }}
{{- with $role.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $role.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
nodeSelector:
  {{- toYaml (merge (dict "kubernetes.io/os" "linux") $role.nodeSelector) | nindent 2 }}
{{- end }}
