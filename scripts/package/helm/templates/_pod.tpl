{{/* What the pods of a release have in common: that of the server, and that which writes letters. */}}
{{- define "concordat.identity" -}}
serviceAccountName: {{ include "concordat.name" . }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
securityContext:
  {{- with .Values.seLinuxOptions }}
  seLinuxOptions:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  # Only a new volume is given to the group: files of mode 0600 must stay so.
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- if .Values.secrets }}
initContainers:
  # Files of a mounted secret belong to root, or are readable for a group, and the server refuses these. They are copied into memory.
  - name: secrets
    image: {{ include "concordat.image" . | quote }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    command:
      - /opt/concordat/bin/node
      - --eval
      - >-
        const fs = require('node:fs');
        for (const folder of fs.readdirSync('/run/concordat/mounted'))
        for (const name of fs.readdirSync('/run/concordat/mounted/' + folder))
        if (!name.startsWith('..'))
        fs.writeFileSync('/run/concordat/secrets/' + name, fs.readFileSync('/run/concordat/mounted/' + folder + '/' + name), { mode: 0o600 });
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities:
        drop: [ALL]
    resources:
      requests: { cpu: 50m, memory: 64Mi }
      limits: { memory: 256Mi }
    volumeMounts:
      {{- range $at, $name := .Values.secrets }}
      - name: secret-{{ $at }}
        mountPath: /run/concordat/mounted/{{ $at }}
        readOnly: true
      {{- end }}
      - name: secrets
        mountPath: /run/concordat/secrets
{{- end }}
{{- end -}}

{{- define "concordat.mounts" -}}
- name: scratch
  mountPath: /tmp
- name: settings
  mountPath: /etc/concordat/settings.yaml
  subPath: settings.yaml
  readOnly: true
{{- if .Values.files }}
- name: files
  mountPath: /etc/concordat/files
  readOnly: true
{{- end }}
{{- if .Values.secrets }}
- name: secrets
  mountPath: /run/concordat/secrets
  readOnly: true
{{- end }}
{{- end -}}

{{- define "concordat.volumes" -}}
- name: settings
  configMap:
    name: {{ include "concordat.name" . }}
- name: scratch
  emptyDir:
    sizeLimit: 1Gi
{{- if .Values.files }}
- name: files
  configMap:
    name: {{ include "concordat.name" . }}-files
{{- end }}
{{- if .Values.secrets }}
- name: secrets
  emptyDir:
    medium: Memory
    sizeLimit: 1Mi
{{- range $at, $name := .Values.secrets }}
- name: secret-{{ $at }}
  secret:
    secretName: {{ $name }}
    # 0440, in a way that every reader of YAML understands.
    defaultMode: 288
{{- end }}
{{- end }}
{{- end -}}

{{/* On which machines they run, if they may run on any. */}}
{{- define "concordat.placement" -}}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
