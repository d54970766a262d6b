{{- define "concordat.name" -}}
{{- printf "%s-%s" .Release.Name .Values.program | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "concordat.selector" -}}
app.kubernetes.io/name: {{ .Values.program }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "concordat.labels" -}}
{{ include "concordat.selector" . }}
app.kubernetes.io/part-of: concordat
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "concordat.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}{{- else -}}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{- end -}}
{{- end -}}
{{- end -}}

{{/* The ports of a program with the settings' defaults: name, port, service; `from` where anybody may come. */}}
{{- define "concordat.ports" -}}
{{- if .Values.ports -}}
{{- toYaml .Values.ports -}}
{{- else if eq .Values.program "security-server" -}}
- { name: messages, port: 5500, service: peers, from: [] }
- { name: ocsp, port: 5577, service: peers, from: [] }
- { name: clients, port: 8443, service: inner }
- { name: admin, port: 4000, service: operators }
{{- else if eq .Values.program "central-registry" -}}
- { name: public, port: 8001, service: peers, from: [] }
- { name: registration, port: 4001, service: peers, from: [] }
- { name: admin, port: 4000, service: operators }
{{- else -}}
- { name: public, port: 8002, service: peers, from: [] }
- { name: monitoring, port: 8003, service: operators }
{{- end -}}
{{- end -}}

{{/* Where health and metrics are: the listener for operators, HTTPS where the settings give it a certificate. */}}
{{- define "concordat.operators" -}}
{{- $name := ternary "monitoring" "admin" (eq .Values.program "configuration-proxy") -}}
{{- $listener := get .Values.settings $name | default dict -}}
name: {{ $name }}
scheme: {{ ternary "HTTPS" "HTTP" (hasKey $listener "certificateFile") }}
{{- end -}}

{{/* Refuses what would lose data or not start. */}}
{{- define "concordat.check" -}}
{{- $many := or .Values.autoscaling.enabled (gt (int .Values.replicas) 1) -}}
{{- if not .Values.settings -}}
{{- fail "settings is empty: it is the settings file of the server (docs/configuration.md)" -}}
{{- end -}}
{{- if ne (get .Values.settings "directory" | toString) "/var/lib/concordat" -}}
{{- fail "settings.directory has to be /var/lib/concordat: only there is a volume" -}}
{{- end -}}
{{- if $many -}}
{{- if eq .Values.program "configuration-proxy" -}}
{{- fail "a configuration proxy is one process: install two releases, each with keys of its own" -}}
{{- end -}}
{{- if .Values.storage.existingClaim -}}
{{- fail "several replicas need a volume each: leave storage.existingClaim out, which is for one" -}}
{{- end -}}
{{- $nodes := get .Values.settings "nodes" | default dict -}}
{{- if not (hasPrefix "/run/concordat/secrets/" (get $nodes "clusterKeyFile" | toString)) -}}
{{- fail "several replicas are nodes: settings.nodes.clusterKeyFile has to be a file in /run/concordat/secrets, so that all pods have the same key" -}}
{{- end -}}
{{- if eq (get $nodes "files" | toString) "folders" -}}
{{- fail "several replicas have a volume each: settings.nodes.files cannot be folders" -}}
{{- end -}}
{{- if get (get .Values.settings "archives" | default dict) "path" -}}
{{- fail "several replicas have a volume each: leave settings.archives.path out, so that archives go into the database" -}}
{{- end -}}
{{- if eq (get .Values.settings "messageLogBodies" | toString) "files" -}}
{{- fail "several replicas have a volume each: settings.messageLogBodies cannot be files" -}}
{{- end -}}
{{- range $name := list "database" "messageLogDatabase" -}}
{{- if hasPrefix "sqlite:" (get $.Values.settings $name | toString) -}}
{{- fail (printf "several replicas need PostgreSQL: settings.%s is an embedded database" $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
