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

{{/* Without the chart's version, which would restart every pod when nothing else changes. */}}
{{- define "wacast.podLabels" -}}
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

{{/* Nothing in the container needs a right. What the values say is laid over it; null
     takes a field out, as OpenShift wants it of runAsUser. */}}
{{- define "wacast.containerSecurity" -}}
{{- $own := dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true "capabilities" (dict "drop" (list "ALL")) }}
{{- toYaml (mergeOverwrite $own (deepCopy (default dict .Values.securityContext))) }}
{{- end }}

{{- define "wacast.podSecurity" -}}
{{- $own := dict "runAsNonRoot" true "runAsUser" 65532 "runAsGroup" 65532 "fsGroup" 65532 "seccompProfile" (dict "type" "RuntimeDefault") }}
{{- toYaml (mergeOverwrite $own (deepCopy (default dict .Values.podSecurityContext))) }}
{{- end }}

{{/* Go collects harder below nine tenths of the limit, rather than being killed at it.
     Call with the resources; without a limit that can be read there is none. */}}
{{- define "wacast.memory" -}}
{{- $limit := get (default dict (get (default dict .) "limits")) "memory" | toString }}
{{- $unit := regexFind "[A-Za-z]*$" $limit }}
{{- $bytes := dict "" 1 "k" 1e3 "M" 1e6 "G" 1e9 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 }}
{{- if and (regexMatch "^[0-9]+(\\.[0-9]+)?[A-Za-z]*$" $limit) (hasKey $bytes $unit) }}
- name: GOMEMLIMIT
  value: {{ trimSuffix $unit $limit | float64 | mulf (get $bytes $unit) 0.9 | int64 | quote }}
{{- end }}
{{- end }}

{{/* What every container is told. Secrets are files, so that they can be rotated. */}}
{{- define "wacast.env" -}}
{{- $keys := .Values.existingSecret.keys }}
- name: WACAST_CONFIG
  value: /etc/wacast/config/wacast.yaml
- name: WACAST_LOG_FORMAT
  value: {{ dig "log" "format" "json" .Values.config | quote }}
{{- if .Values.existingSecret.name }}
{{- range $variable, $key := dict "WACAST_ACCESS_TOKEN_FILE" $keys.accessToken "WACAST_APP_SECRET_FILE" $keys.appSecret "WACAST_VERIFY_TOKEN_FILE" $keys.verifyToken "WACAST_REDIS_PASSWORD_FILE" $keys.redisPassword "WACAST_IDENTITY_KEY_FILE" $keys.identityKey "WACAST_NATS_PASSWORD_FILE" $keys.natsPassword "WACAST_NATS_CREDS" $keys.natsCreds "WACAST_NATS_NKEY" $keys.natsNkey }}
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

{{/* A Secret's name may have dots and be long, a volume's may not: names that were cut
     or changed get a hash, so that no two are the same. */}}
{{- define "wacast.accountVolume" -}}
{{- $name := printf "account-%s" (replace "." "-" .) }}
{{- if or (contains "." .) (gt (len $name) 63) }}
{{- $name = printf "%s-%s" (trunc 54 $name | trimSuffix "-") (sha256sum . | trunc 8) }}
{{- end }}
{{- $name }}
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
- {name: {{ include "wacast.accountVolume" . }}, mountPath: {{ printf "/etc/wacast/secrets/%s" . | quote }}, readOnly: true}
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
- name: {{ include "wacast.accountVolume" . }}
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
  # Pods of the version that is being replaced do not count.
  matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}

{{/* The settings lie in a ConfigMap, which many may read. */}}
{{- define "wacast.noSecrets" -}}
{{- $config := .Values.config }}
{{- range $setting, $key := dict "access_token" "accessToken" "app_secret" "appSecret" "verify_token" "verifyToken" "identity_key" "identityKey" "redis.password" "redisPassword" "nats.password" "natsPassword" }}
{{- $levels := splitList "." $setting }}
{{- $group := get $config (first $levels) }}
{{- if or (hasKey $config $setting) (and (rest $levels) (kindIs "map" $group) (hasKey (default dict $group) (last $levels))) }}
{{- fail (printf "config has %s, which is a secret and would lie in a ConfigMap: put it into a Secret, give its name as existingSecret.name and its key as existingSecret.keys.%s" $setting $key) }}
{{- end }}
{{- end }}
{{- end }}
