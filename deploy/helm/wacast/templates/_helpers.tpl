{{- define "wacast.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "wacast.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "wacast.name" .) .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "wacast.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "wacast.selector" -}}
app.kubernetes.io/name: {{ include "wacast.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "wacast.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "wacast.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: wacast
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "wacast.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "wacast.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "wacast.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* Nothing in the container needs a right. */}}
{{- define "wacast.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "wacast.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* What every container is told. Secrets are files, so that they can be rotated. */}}
{{- define "wacast.env" -}}
{{- $keys := .Values.existingSecret.keys }}
- name: WACAST_CONFIG
  value: /etc/wacast/config/wacast.yaml
- name: WACAST_LOG_FORMAT
  value: {{ dig "log" "format" "json" .Values.config | quote }}
- name: GOMEMLIMIT
  valueFrom:
    resourceFieldRef:
      resource: limits.memory
{{- if .Values.existingSecret.name }}
{{- range $variable, $key := dict "WACAST_ACCESS_TOKEN_FILE" $keys.accessToken "WACAST_APP_SECRET_FILE" $keys.appSecret "WACAST_VERIFY_TOKEN_FILE" $keys.verifyToken "WACAST_REDIS_PASSWORD_FILE" $keys.redisPassword "WACAST_IDENTITY_KEY_FILE" $keys.identityKey "WACAST_NATS_CREDS" $keys.natsCreds "WACAST_NATS_NKEY" $keys.natsNkey }}
{{- if $key }}
- name: {{ $variable }}
  value: /etc/wacast/secret/{{ $key }}
{{- end }}
{{- end }}
{{- end }}
{{- if .Values.accounts.existingSecret }}
- name: WACAST_ACCOUNTS_DIR
  value: /etc/wacast/accounts
{{- end }}
{{- if .Values.templates.existingConfigMap }}
- name: WACAST_TEMPLATES
  value: /etc/wacast/templates
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "wacast.mounts" -}}
- {name: config, mountPath: /etc/wacast/config, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- if .Values.existingSecret.name }}
- {name: secret, mountPath: /etc/wacast/secret, readOnly: true}
{{- end }}
{{- if .Values.accounts.existingSecret }}
- {name: accounts, mountPath: /etc/wacast/accounts, readOnly: true}
{{- end }}
{{- range .Values.accounts.secrets }}
- {name: {{ printf "account-%s" . | trunc 63 | trimSuffix "-" | quote }}, mountPath: {{ printf "/etc/wacast/secrets/%s" . | quote }}, readOnly: true}
{{- end }}
{{- if .Values.templates.existingConfigMap }}
- {name: templates, mountPath: /etc/wacast/templates, readOnly: true}
{{- end }}
{{- if .Values.tls.existingSecret }}
- {name: tls, mountPath: /etc/wacast/tls, readOnly: true}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "wacast.volumes" -}}
- name: config
  configMap:
    name: {{ include "wacast.fullname" . }}
- name: tmp
  emptyDir:
    medium: Memory
    sizeLimit: 16Mi
{{- with .Values.existingSecret.name }}
- name: secret
  secret:
    secretName: {{ . | quote }}
    defaultMode: 0440
{{- end }}
{{- with .Values.accounts.existingSecret }}
- name: accounts
  secret:
    secretName: {{ . | quote }}
    defaultMode: 0440
{{- end }}
{{- range .Values.accounts.secrets }}
- name: {{ printf "account-%s" . | trunc 63 | trimSuffix "-" | quote }}
  secret:
    secretName: {{ . | quote }}
    defaultMode: 0440
{{- end }}
{{- with .Values.templates.existingConfigMap }}
- name: templates
  configMap:
    name: {{ . | quote }}
{{- end }}
{{- with .Values.tls.existingSecret }}
- name: tls
  secret:
    secretName: {{ . | quote }}
    defaultMode: 0440
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Replicas of one role on different nodes and in different zones, as well as it goes. */}}
{{- define "wacast.spread" -}}
{{- $role := .role }}
{{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
- maxSkew: 1
  topologyKey: {{ $key }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "wacast.selector" $.root | nindent 6 }}
      app.kubernetes.io/component: {{ $role }}
{{- end }}
{{- end }}
