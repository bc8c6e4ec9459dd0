{{/* The Deployment of a role: call with (dict "root" $ "role" "worker" "values" .Values.worker). */}}
{{- define "wacast.deployment" -}}
{{- $root := .root }}
{{- $values := .values }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "wacast.fullname" $root }}-{{ .role }}
  labels:
    {{- include "wacast.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .role }}
spec:
  {{- if not .scaled }}
  replicas: {{ $values.replicas }}
  {{- else }}
  {{- /* As many as there are: without the field, the first upgrade with autoscaling would
         leave one until the autoscaler looks. */}}
  {{- with lookup "apps/v1" "Deployment" $root.Release.Namespace (printf "%s-%s" (include "wacast.fullname" $root) .role) }}
  replicas: {{ .spec.replicas }}
  {{- end }}
  {{- end }}
  revisionHistoryLimit: 5
  strategy:
    type: RollingUpdate
    rollingUpdate:
      # A new one first: that a version does not start must cost nothing.
      maxSurge: 1
      maxUnavailable: 0
  selector:
    matchLabels:
      {{- include "wacast.selector" $root | nindent 6 }}
      app.kubernetes.io/component: {{ .role }}
  template:
    metadata:
      labels:
        {{- include "wacast.podLabels" $root | nindent 8 }}
        app.kubernetes.io/component: {{ .role }}
        {{- with $root.Values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      annotations:
        checksum/config: {{ toYaml $root.Values.config | sha256sum }}
        {{- with $root.Values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      serviceAccountName: {{ include "wacast.serviceAccountName" $root }}
      automountServiceAccountToken: false
      enableServiceLinks: false # their variables would look like settings of wacast
      terminationGracePeriodSeconds: {{ add $values.drainSeconds $values.graceSeconds (default 0 $values.preStopSeconds) }}
      securityContext:
        {{- include "wacast.podSecurity" $root | nindent 8 }}
      {{- with $root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      containers:
        - name: wacast
          image: {{ include "wacast.image" $root | quote }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          args: [{{ .role }}]
          securityContext:
            {{- include "wacast.containerSecurity" $root | nindent 12 }}
          env:
            {{- with include "wacast.memory" $values.resources }}
            {{- trim . | nindent 12 }}
            {{- end }}
            {{- include "wacast.env" $root | nindent 12 }}
            - name: WACAST_DRAIN_TIMEOUT
              value: {{ printf "%ds" (int $values.drainSeconds) | quote }}
          {{- with $root.Values.extraEnvFrom }}
          envFrom:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          ports:
            - {name: admin, containerPort: 9090}
            {{- if eq .role "webhook" }}
            - {name: webhook, containerPort: 8080}
            {{- end }}
          # A start may wait for NATS and Redis, and for a long stream to be read. Neither
          # of them being away is a reason to be restarted: /livez says only that it serves.
          startupProbe:
            httpGet: {path: /livez, port: admin}
            periodSeconds: 2
            failureThreshold: 150
          livenessProbe:
            httpGet: {path: /livez, port: admin}
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            httpGet: {path: /readyz, port: admin}
            periodSeconds: 5
            timeoutSeconds: 4
          {{- with $values.preStopSeconds }}
          lifecycle:
            preStop:
              sleep: {seconds: {{ . }}}
          {{- end }}
          {{- with $values.resources }}
          resources:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          volumeMounts:
            {{- include "wacast.mounts" $root | nindent 12 }}
      volumes:
        {{- include "wacast.volumes" $root | nindent 8 }}
      topologySpreadConstraints:
        {{- if $values.topologySpreadConstraints }}
        {{- toYaml $values.topologySpreadConstraints | nindent 8 }}
        {{- else }}
        {{- include "wacast.spread" . | nindent 8 }}
        {{- end }}
      {{- with $values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end }}

{{/* The PodDisruptionBudget of a role. */}}
{{- define "wacast.budget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "wacast.fullname" .root }}-{{ .role }}
  labels:
    {{- include "wacast.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .role }}
spec:
  maxUnavailable: {{ .values.podDisruptionBudget.maxUnavailable }}
  # A pod that cannot work must not keep a node from being emptied.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "wacast.selector" .root | nindent 6 }}
      app.kubernetes.io/component: {{ .role }}
{{- end }}
