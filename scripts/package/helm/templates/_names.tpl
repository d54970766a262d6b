{{- define "concordat.name" -}}
{{- printf "%s-%s" .Release.Name .Values.program | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "concordat.selector" -}}
app.kubernetes.io/name: {{ .Values.program }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Of the pod that writes letters: a CronJob's name may be this long. No Service leads to it. */}}
{{- define "concordat.lettersName" -}}
{{- printf "%s-letters" (include "concordat.name" . | trunc 44 | trimSuffix "-") -}}
{{- end -}}

{{- define "concordat.lettersSelector" -}}
app.kubernetes.io/name: {{ .Values.program }}-letters
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
{{- else if eq .Values.program "subject-keys" -}}
- { name: keys, port: 4600, service: inner }
- { name: monitoring, port: 4601, service: operators }
{{- else if eq .Values.program "configuration-proxy" -}}
- { name: public, port: 8002, service: peers, from: [] }
- { name: monitoring, port: 8003, service: operators }
{{- else -}}
{{- if eq .Values.program "portal" }}
- { name: people, port: 9450, service: inner, from: [] }
{{- else if eq .Values.program "verifier" }}
- { name: wallets, port: 9460, service: inner, from: [] }
- { name: services, port: 9461, service: inner }
{{- else if not (has .Values.adapter (list "events" "file-messages" "sql-messages")) }}
- { name: service, port: 9443, service: inner }
{{- end }}
- { name: monitoring, port: 9444, service: operators }
{{- end -}}
{{- end -}}

{{- define "concordat.egress" -}}
- to:
    - namespaceSelector: {}
    # The cache of names on each node (NodeLocal DNSCache).
    - ipBlock: { cidr: 169.254.20.10/32 }
  ports:
    - { port: 53, protocol: UDP }
    - { port: 53, protocol: TCP }
{{- with .Values.networkPolicy.egress }}
{{- toYaml . | nindent 0 }}
{{- end }}
{{- end -}}

{{/* The words of the command line before the settings. */}}
{{- define "concordat.words" -}}
{{- if eq .Values.program "adapter" }}adapter, {{ .Values.adapter }}{{ else }}{{ .Values.program }}{{ end -}}
{{- end -}}

{{/* Not empty for what shares nothing with another process of its kind, or shares it as nodes do. */}}
{{- define "concordat.mayBeSeveral" -}}
{{- if has .Values.program (list "security-server" "central-registry") }}yes{{ end -}}
{{- if and (eq .Values.program "adapter") (has .Values.adapter (list "file" "http" "rest-as-soap" "soap" "sql")) }}yes{{ end -}}
{{- end -}}

{{/* Not empty for what keeps nothing. */}}
{{- define "concordat.keepsNothing" -}}
{{- if has .Values.program (list "portal" "verifier") }}yes{{ end -}}
{{- if and (eq .Values.program "adapter") (has .Values.adapter (list "http" "rest-as-soap" "soap")) }}yes{{ end -}}
{{- end -}}

{{- define "concordat.resources" -}}
{{- $usual := dict "requests" (dict "cpu" "100m" "memory" "128Mi") "limits" (dict "memory" "512Mi") -}}
{{- if has .Values.program (list "security-server" "central-registry") -}}
{{- $usual = dict "requests" (dict "cpu" "500m" "memory" "512Mi") "limits" (dict "memory" "1536Mi") -}}
{{- end -}}
{{- toYaml (mergeOverwrite $usual .Values.resources) -}}
{{- end -}}

{{/* Where health and metrics are: the listener for operators, HTTPS where the settings give it a certificate. */}}
{{- define "concordat.operators" -}}
{{- $name := ternary "admin" "monitoring" (has .Values.program (list "security-server" "central-registry")) -}}
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
{{- if has .Values.program (list "security-server" "central-registry" "configuration-proxy") -}}
{{- if ne (get .Values.settings "directory" | toString) "/var/lib/concordat" -}}
{{- fail "settings.directory has to be /var/lib/concordat: only there is a volume" -}}
{{- end -}}
{{- end -}}
{{- $mandates := get .Values.settings "database" | toString -}}
{{- if and (eq .Values.program "mandates") (hasPrefix "sqlite:" $mandates) (not (hasPrefix "sqlite:/var/lib/concordat/" $mandates)) -}}
{{- fail "settings.database has to be below /var/lib/concordat: only there is a volume" -}}
{{- end -}}
{{- if and (eq .Values.program "life-events") (not (hasPrefix "/var/lib/concordat/" (get .Values.settings "databaseFile" | toString))) -}}
{{- fail "settings.databaseFile has to be below /var/lib/concordat: only there is a volume" -}}
{{- end -}}
{{- if eq .Values.program "subject-keys" -}}
{{- if not (hasPrefix "/var/lib/concordat/" (get .Values.settings "directory" | toString)) -}}
{{- fail "settings.directory has to be below /var/lib/concordat: only there is a volume" -}}
{{- end -}}
{{- $keys := get .Values.settings "database" | toString -}}
{{- if and (hasPrefix "sqlite:" $keys) (not (hasPrefix "sqlite:/var/lib/concordat/" $keys)) -}}
{{- fail "settings.database has to be below /var/lib/concordat: only there is a volume" -}}
{{- end -}}
{{- if not (get .Values.settings "listen") -}}
{{- fail "settings.listen is missing: a security server in another pod reaches no socket" -}}
{{- end -}}
{{- if not (get .Values.settings "monitoring") -}}
{{- fail "settings.monitoring is missing: probes have no certificate that settings.listen lets in" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.letters.enabled (ne .Values.program "life-events") -}}
{{- fail "letters are those of the program life-events" -}}
{{- end -}}
{{- if ne (eq .Values.program "adapter") (ne .Values.adapter "") -}}
{{- fail "adapter says which one, for the program adapter and for no other" -}}
{{- end -}}
{{- if and $many (not (include "concordat.mayBeSeveral" .)) -}}
{{- if eq .Values.program "configuration-proxy" -}}
{{- fail "a configuration proxy is one process: install two releases, each with keys of its own" -}}
{{- end -}}
{{- fail (printf "%s %s is one process: replicas has to be 1" .Values.program .Values.adapter) -}}
{{- end -}}
{{- if and $many (ne .Values.program "adapter") -}}
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
