{{- define "osp.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* At most 52 characters, so that a suffix fits behind it. */}}
{{- define "osp.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "osp.name" . -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "osp.serviceAccount" -}}
{{- default (ternary (include "osp.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}

{{/* What every pod of the release has. */}}
{{- define "osp.selector" -}}
app.kubernetes.io/name: {{ include "osp.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "osp.labels" -}}
{{ include "osp.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "osp.image" -}}
{{- $repository := required "image.repository is not set. No image is published yet: build one, push it to a registry of yours, and name it" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* What the operator may do, in a ClusterRole or in a Role of each watched namespace. As in deploy/rbac.yaml. */}}
{{- define "osp.rules" -}}
- apiGroups: [scalekit.com]
  resources: [organizationsessionpolicies]
  verbs: [get, list, watch, patch] # patch: its own finalizer
- apiGroups: [scalekit.com]
  resources: [organizationsessionpolicies/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [secrets] # one at a time, by name; never listed or watched
  verbs: [get]
- apiGroups: [""]
  resources: [namespaces] # to find out whether a namespace is being deleted
  verbs: [get]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end -}}

{{/* The operator's pod, of the Deployment and of the Job that uninstalls: dict "root" $ "component" "" "command" (list). */}}
{{- define "osp.pod" -}}
{{- with .root -}}
metadata:
  labels:
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- include "osp.labels" . | nindent 4 }}
    app.kubernetes.io/component: {{ $.component }}
  {{- with .Values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "osp.serviceAccount" . }}
  automountServiceAccountToken: true
  enableServiceLinks: false
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  securityContext:
    runAsNonRoot: true
    {{- with .Values.podSecurityContext }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    seccompProfile:
      type: RuntimeDefault
  containers:
    - name: operator
      image: {{ include "osp.image" . }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      args:
        {{- range $.command }}
        - {{ . | quote }}
        {{- end }}
        {{- include "osp.arguments" . | nindent 8 }}
      env:
        - name: POD_NAMESPACE
          valueFrom:
            fieldRef:
              fieldPath: metadata.namespace
        - name: RUST_LOG
          value: {{ .Values.operator.logLevel | quote }}
        {{- if .Values.trustedCA.configMap }}
        - name: SSL_CERT_FILE
          value: /etc/session-policy-operator/ca/{{ .Values.trustedCA.key }}
        {{- end }}
        {{- with .Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- if eq $.component "operator" }}
      ports:
        - name: http
          containerPort: {{ .Values.httpPort }}
      livenessProbe: # fails when the watch of the API server is dead; Scalekit is not asked
        httpGet:
          path: /livez
          port: http
        periodSeconds: 20
        timeoutSeconds: 5
        failureThreshold: 3
      readinessProbe:
        httpGet:
          path: /readyz
          port: http
        periodSeconds: 10
        timeoutSeconds: 5
      {{- end }}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      {{- if or .Values.defaultCredentials.existingSecret .Values.trustedCA.configMap }}
      volumeMounts:
        {{- if .Values.defaultCredentials.existingSecret }}
        - name: credentials
          mountPath: /etc/session-policy-operator/credentials
          readOnly: true
        {{- end }}
        {{- if .Values.trustedCA.configMap }}
        - name: ca
          mountPath: /etc/session-policy-operator/ca
          readOnly: true
        {{- end }}
      {{- end }}
  {{- if or .Values.defaultCredentials.existingSecret .Values.trustedCA.configMap }}
  volumes:
    {{- with .Values.defaultCredentials.existingSecret }}
    - name: credentials
      secret:
        secretName: {{ . }}
        defaultMode: 288 # 0440
    {{- end }}
    {{- with .Values.trustedCA.configMap }}
    - name: ca
      configMap:
        name: {{ . }}
    {{- end }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
{{- end -}}

{{- define "osp.arguments" -}}
- --http-addr=[::]:{{ .Values.httpPort }}
- --log-format={{ .Values.operator.logFormat }}
{{- if .Values.leaderElection.enabled }}
- --lease-name={{ default (include "osp.fullname" .) .Values.leaderElection.leaseName }}
{{- else }}
- --leader-elect=false
{{- end }}
{{- range .Values.watchNamespaces }}
- --watch-namespace={{ . }}
{{- end }}
{{- if .Values.defaultCredentials.existingSecret }}
- --credentials-dir=/etc/session-policy-operator/credentials
{{- end }}
{{- range .Values.defaultCredentials.namespaces }}
- --default-credentials-for={{ . }}
{{- end }}
{{- with .Values.operator }}
{{- range $flag, $value := dict "resync-interval" .resyncInterval "relist-interval" .relistInterval "revert-delay" .revertDelay "deletion-grace" .deletionGrace "namespace-deletion-grace" .namespaceDeletionGrace "request-timeout" .requestTimeout "gateway-timeout" .gatewayTimeout "rate-limit" .rateLimit }}
{{- if $value }}
- --{{ $flag }}={{ $value }}
{{- end }}
{{- end }}
{{- if .disableFeatureOnDelete }}
- --disable-feature-on-delete
{{- end }}
{{- range .allowedHosts }}
- --allowed-host={{ . }}
{{- end }}
{{- end }}
{{- range .Values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end -}}
