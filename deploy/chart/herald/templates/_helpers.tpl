{{- /* Text that comes from outside goes through toYaml: a release may be named 123, a namespace "no". */}}
{{- define "herald.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimAll "-." }}
{{- end }}

{{- define "herald.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimAll "-." }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 50 | trimAll "-." }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimAll "-." }}
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

{{- /* The Lease that one of this release's controllers holds. Another release in the namespace has its own. */}}
{{- define "herald.leaseName" -}}
{{- if .Values.metallbNames }}herald-controller{{ else }}{{ include "herald.object" (list . "controller") }}{{ end }}
{{- end }}

{{- /* Labels of every object. */}}
{{- define "herald.labels" -}}
app.kubernetes.io/name: {{ include "herald.name" . | toYaml }}
app.kubernetes.io/instance: {{ .Release.Name | toYaml }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: {{ include "herald.name" . | toYaml }}
{{- if .Values.metallbNames }}
app: metallb
{{- else }}
app.kubernetes.io/managed-by: {{ .Release.Service | toYaml }}
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
app.kubernetes.io/name: {{ include "herald.name" $root | toYaml }}
app.kubernetes.io/instance: {{ $root.Release.Name | toYaml }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}
{{- end }}

{{- /* By what the speakers find each other's pods: those of this release. */}}
{{- define "herald.speakerSelector" -}}
{{- $labels := list }}
{{- range $key, $value := include "herald.selector" (list . "speaker") | fromYaml }}
{{- $labels = append $labels (printf "%s=%s" $key $value) }}
{{- end }}
{{- join "," $labels }}
{{- end }}

{{- /* Labels of a pod. MetalLB's two are always there: `herald explain` finds the speakers by them. */}}
{{- define "herald.podLabels" -}}
{{- $root := index . 0 -}}
{{- $role := index . 1 -}}
{{- range $key := list "app" "component" "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component" }}
{{- if hasKey (default dict (index $root.Values $role).labels) $key }}
{{- fail (printf "%s.labels has %q, by which the pods are found: it is the chart's own" $role $key) }}
{{- end }}
{{- end -}}
app: metallb
component: {{ index . 1 }}
app.kubernetes.io/name: {{ include "herald.name" $root | toYaml }}
app.kubernetes.io/instance: {{ $root.Release.Name | toYaml }}
app.kubernetes.io/component: {{ index . 1 }}
{{- with (index $root.Values (index . 1)).labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "herald.podAnnotations" -}}
{{- $root := index . 0 }}
{{- $annotations := dict }}
{{- /* What is written for one role beats what holds for both. */}}
{{- if $root.Values.prometheus.scrapeAnnotations }}
{{- $annotations = dict "prometheus.io/scrape" "true" "prometheus.io/port" ($root.Values.prometheus.metricsPort | toString) }}
{{- if include "herald.isSecure" . }}{{ $_ := set $annotations "prometheus.io/scheme" "https" }}{{ end }}
{{- end }}
{{- with mergeOverwrite $annotations (default dict (index $root.Values (index . 1)).podAnnotations) }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{- /* The Secret of the certificate by which a role's pages are served. */}}
{{- define "herald.tlsSecret" -}}
{{- $tls := (index . 0).Values.tls }}
{{- ternary $tls.controllerMetricsTLSSecret $tls.speakerMetricsTLSSecret (eq (index . 1) "controller") | default "" }}
{{- end }}

{{- /* Whether a role's pages are served by TLS. */}}
{{- define "herald.isSecure" -}}
{{- if or (eq (index . 0).Values.prometheus.metricsAuth "kubernetes") (include "herald.tlsSecret" .) }}true{{ end }}
{{- end }}

{{- /* What closed pages take: the certificate, and the folder of the socket by which `herald status` in the pod reads them. */}}
{{- define "herald.pageMounts" -}}
{{- if include "herald.isSecure" . -}}
- { name: run, mountPath: /run/herald }
{{- if include "herald.tlsSecret" . }}
- { name: metrics-tls, mountPath: /etc/metrics, readOnly: true }
{{- end }}
{{- end }}
{{- end }}

{{- define "herald.pageVolumes" -}}
{{- if include "herald.isSecure" . -}}
- name: run
  emptyDir: { medium: Memory, sizeLimit: 1Mi }
{{- with include "herald.tlsSecret" . }}
- name: metrics-tls
  secret: { secretName: {{ . | toYaml }}, defaultMode: 0440 }
{{- end }}
{{- end }}
{{- end }}

{{- /* Rights that it takes to ask who may read the pages. */}}
{{- define "herald.reviewRules" -}}
{{- if eq .Values.prometheus.metricsAuth "kubernetes" -}}
# Who asks for the pages, and whether he may.
- apiGroups: [authentication.k8s.io]
  resources: [tokenreviews]
  verbs: [create]
- apiGroups: [authorization.k8s.io]
  resources: [subjectaccessreviews]
  verbs: [create]
{{- end }}
{{- end }}

{{- define "herald.image" -}}
{{- $root := index . 0 }}
{{- $own := (index $root.Values (index . 1)).image }}
{{- $all := $root.Values.image }}
{{- $repository := default $all.repository $own.repository }}
{{- if regexMatch "(^|/)metallb/[^/]+$" $repository }}
{{- fail (printf "%s is MetalLB's image, which does not know Herald's flags: leave out %s.image, or name Herald's" $repository (index . 1)) }}
{{- end -}}
image: {{ printf "%s:%s" $repository (default (default $root.Chart.AppVersion $all.tag) $own.tag) | toYaml }}
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
{{- if eq $root.Values.prometheus.metricsAuth "kubernetes" }}
- --metrics-auth=kubernetes
{{- end }}
{{- if include "herald.tlsSecret" . }}
- --metrics-cert-dir=/etc/metrics
{{- end }}
- --log-level={{ $role.logLevel }}
{{- if ne $role.logFormat "json" }}
- --log-format={{ $role.logFormat }}
{{- end }}
{{- with $root.Values.loadBalancerClass }}
- {{ printf "--lb-class=%s" . | toYaml }}
{{- end }}
{{- with $root.Values.existingConfigMap }}
- {{ printf "--config=%s" . | toYaml }}
{{- end }}
{{- end }}

{{- /* The variable that `herald status` in a pod goes by. */}}
{{- define "herald.portVariable" -}}
{{- with int .Values.prometheus.metricsPort }}
{{- if ne . 7472 -}}
- { name: METALLB_PORT, value: "{{ . }}" }
{{- end }}
{{- end }}
{{- end }}

{{- define "herald.probes" -}}
{{- $role := index (index . 0).Values (index . 1) }}
{{- $scheme := ternary ", scheme: HTTPS" "" (eq (include "herald.isSecure" .) "true") }}
{{- with $role.livenessProbe }}
{{- if .enabled }}
livenessProbe:
  httpGet: { path: /healthz, port: monitoring{{ $scheme }} }
  {{- with omit . "enabled" }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}
{{- with $role.readinessProbe }}
{{- if .enabled }}
readinessProbe:
  httpGet: { path: /readyz, port: monitoring{{ $scheme }} }
  {{- with omit . "enabled" }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* What a pod of either role says of where and how it runs. */}}
{{- define "herald.placement" -}}
{{- $root := index . 0 }}
{{- $role := index $root.Values (index . 1) -}}
serviceAccountName: {{ include "herald.serviceAccount" . | toYaml }}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
terminationGracePeriodSeconds: {{ $role.terminationGracePeriodSeconds }}
{{- with $role.priorityClassName }}
priorityClassName: {{ . | toYaml }}
{{- end }}
{{- with $role.runtimeClassName }}
runtimeClassName: {{ . | toYaml }}
{{- end }}
nodeSelector:
  {{- toYaml (merge (dict "kubernetes.io/os" "linux") (default dict $role.nodeSelector)) | nindent 2 }}
{{- end }}
