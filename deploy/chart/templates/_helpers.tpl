{{- define "osp.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* At most 48 characters, so that -uninstall-1000 fits behind it, and a DNS label that begins with a letter, as a Service has to. */}}
{{- define "osp.fullname" -}}
{{- $name := include "osp.name" . -}}
{{- $ofRelease := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- $full := default $ofRelease .Values.fullnameOverride | trunc 48 | trimAll "-" -}}
{{- if not (regexMatch "^[a-z][-a-z0-9]*$" $full) -}}
{{- fail (printf "the objects of the release %s would be called %s, which can't be the name of a Service: set fullnameOverride" .Release.Name $full) -}}
{{- end -}}
{{- $full -}}
{{- end -}}

{{- define "osp.leaseName" -}}
{{- default (include "osp.fullname" .) .Values.leaderElection.leaseName -}}
{{- end -}}

{{/* The pods of the operator that are there, each with its name and arguments, as JSON. */}}
{{- define "osp.pods" -}}
{{- $pods := list -}}
{{- range (lookup "v1" "Pod" .Release.Namespace "").items -}}
{{- $labels := default dict .metadata.labels -}}
{{- $ours := and (eq (get $labels "app.kubernetes.io/instance") $.Release.Name) (eq (get $labels "app.kubernetes.io/component") "operator") -}}
{{- if and $ours (not (has (dig "status" "phase" "" .) (list "Succeeded" "Failed"))) -}}
{{- $pods = append $pods (dict "name" .metadata.name "args" (default list (first .spec.containers).args)) -}}
{{- end -}}
{{- end -}}
{{- toJson $pods -}}
{{- end -}}

{{/* Fails where an upgrade would let pods lead by one Lease while those of before still lead by another, or without one: both
would write. Where there is no Lease from now on, the Deployment stops its own old pod first. */}}
{{- define "osp.oneLease" -}}
{{- $lease := ternary (printf "--lease-name=%s" (include "osp.leaseName" .)) "--leader-elect=false" .Values.leaderElection.enabled -}}
{{- range include "osp.pods" . | fromJsonArray -}}
{{- $recreated := and (not $.Values.leaderElection.enabled) (regexMatch (printf "^%s-[a-z0-9]+-[a-z0-9]{5}$" (include "osp.fullname" $)) .name) -}}
{{- $same := and $.Values.leaderElection.enabled (has $lease .args) -}}
{{- range .args -}}
{{- if and (or (hasPrefix "--lease-name=" .) (eq . "--leader-elect=false")) (not (or $same $recreated)) -}}
{{- fail (printf "the operator that runs has %s, and one with %s would write beside it until it has ended: scale its Deployment to 0, wait until its pods are gone, and upgrade then" . $lease) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Fails where an upgrade would change what the selector of the Deployment selects, which can't be changed: Helm would find that out
after the NetworkPolicy, the Service and the PodDisruptionBudget select other pods than those that run. */}}
{{- define "osp.sameSelector" -}}
{{- $name := include "osp.fullname" . -}}
{{- $there := dig "spec" "selector" "matchLabels" dict (lookup "apps/v1" "Deployment" .Release.Namespace $name) -}}
{{- range $label, $value := include "osp.selector" . | fromYaml -}}
{{- if ne (get $there $label | default $value) $value -}}
{{- fail (printf "the pods of the Deployment %s have %s=%s, which can't become %s: leave nameOverride as it was, or delete the Deployment first (kubectl -n %s delete deployment %s)" $name $label (get $there $label) $value $.Release.Namespace $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Fails where something is given that the chart sets itself: dict "value" "podLabels" "given" (list) "own" (list). */}}
{{- define "osp.distinct" -}}
{{- range .given -}}
{{- if has . $.own -}}
{{- fail (printf "%s may not set %s: the chart does" $.value .) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Labels besides those of the chart: dict "value" "podLabels" "labels" (dict) "root" $. */}}
{{- define "osp.moreLabels" -}}
{{- $own := append (keys (include "osp.labels" .root | fromYaml)) "app.kubernetes.io/component" -}}
{{- include "osp.distinct" (dict "value" .value "given" (keys .labels) "own" $own) -}}
{{- toYaml .labels -}}
{{- end -}}

{{/* Never the one called default: every pod of the namespace that names no other runs as that. */}}
{{- define "osp.serviceAccount" -}}
{{- $name := .Values.serviceAccount.name -}}
{{- if and .Values.serviceAccount.create (not $name) -}}
{{- $name = include "osp.fullname" . -}}
{{- end -}}
{{- if has $name (list "" "default") -}}
{{- fail "serviceAccount.name has to name the operator's own ServiceAccount where serviceAccount.create is false, and not default: every pod of the namespace that names no other would have the operator's permissions" -}}
{{- end -}}
{{- $name -}}
{{- end -}}

{{/* What every pod of the release has. */}}
{{- define "osp.selector" -}}
app.kubernetes.io/name: {{ include "osp.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
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

{{/* The seconds of a duration such as 1m30s. */}}
{{- define "osp.seconds" -}}
{{- $units := dict "ms" 0.001 "s" 1.0 "m" 60.0 "h" 3600.0 "d" 86400.0 -}}
{{- $sum := 0.0 -}}
{{- range regexFindAll "[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)" . -1 -}}
{{- $sum = addf $sum (mulf (regexFind "^[0-9.]+" .) (get $units (regexFind "[a-z]+$" .))) -}}
{{- end -}}
{{- $sum -}}
{{- end -}}

{{/* Fails where a duration is shorter or longer than this: dict "value" "operator.resyncInterval" "duration" "least" "most" "why" (optional). */}}
{{- define "osp.between" -}}
{{- $seconds := include "osp.seconds" .duration | float64 -}}
{{- if or (lt $seconds (include "osp.seconds" .least | float64)) (gt $seconds (include "osp.seconds" .most | float64)) -}}
{{- fail (printf "%s is %s: it must be at least %s and at most %s%s" .value .duration .least .most (default "" .why)) -}}
{{- end -}}
{{- end -}}

{{/* A pod that stops waits for what it has sent for twice requestTimeout, and gives the Lease back; the rest is a margin. */}}
{{- define "osp.gracePeriod" -}}
{{- $timeout := include "osp.seconds" (default "10s" .Values.operator.requestTimeout) -}}
{{- $least := addf 15 (mulf 2 $timeout) | ceil -}}
{{- $own := default $least .Values.terminationGracePeriodSeconds -}}
{{- if lt (float64 $own) (float64 $least) -}}
{{- fail (printf "terminationGracePeriodSeconds is %v: a pod that stops needs %v with this operator.requestTimeout, else it is killed with a write on its way and the Lease in its hands" $own $least) -}}
{{- end -}}
{{- $own -}}
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
    {{- include "osp.moreLabels" (dict "value" "podLabels" "labels" . "root" $.root) | nindent 4 }}
    {{- end }}
    {{- include "osp.labels" . | nindent 4 }}
    app.kubernetes.io/component: {{ $.component }}
  {{- with .Values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "osp.serviceAccount" . | quote }}
  automountServiceAccountToken: true
  enableServiceLinks: false
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . | quote }}
  {{- end }}
  terminationGracePeriodSeconds: {{ include "osp.gracePeriod" . }}
  securityContext:
    runAsNonRoot: true
    {{- with .Values.podSecurityContext }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    seccompProfile:
      type: RuntimeDefault
  containers:
    - name: operator
      image: {{ include "osp.image" . | quote }}
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
        {{- include "osp.environment" . | nindent 8 }}
      {{- if eq $.component "operator" }}
      ports:
        - name: http
          containerPort: {{ .Values.httpPort }}
      livenessProbe: # fails where a restart can help: the watch is dead, and not the API server; Scalekit is not asked
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
        secretName: {{ . | quote }}
        defaultMode: 288 # 0440
    {{- end }}
    {{- with .Values.trustedCA.configMap }}
    - name: ca
      configMap:
        name: {{ . | quote }}
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

{{/* The ports of Scalekit, of the API server, of the collector of spans and of the proxy. */}}
{{- define "osp.ports" -}}
{{- $ports := .Values.networkPolicy.ports }}
{{- $schemes := dict "http" 80 "https" 443 "socks5" 1080 "socks5h" 1080 }}
{{- range without (compact (list .Values.tracing.endpoint .Values.operator.proxy)) "env" }}
{{- $url := urlParse . }}
{{- $ports = append $ports (default (get $schemes $url.scheme) (regexFind "[0-9]+$" (regexFind ":[0-9]+$" $url.host)) | float64) }}
{{- end }}
{{- range uniq $ports }}
- port: {{ . }}
  protocol: TCP
{{- end }}
{{- end -}}

{{/* The variables of the container, those of extraEnv included. */}}
{{- define "osp.environment" -}}
{{- $own := include "osp.ownEnvironment" . -}}
{{- $own -}}
{{- with .Values.extraEnv }}
{{- $names := list }}
{{- range . }}
{{- if has .name $names }}{{ fail (printf "extraEnv has %s twice" .name) }}{{ end }}
{{- $names = append $names .name }}
{{- end }}
{{- $ownNames := list "OTEL_EXPORTER_OTLP_ENDPOINT" "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" }}{{ range fromYamlArray $own }}{{ $ownNames = append $ownNames .name }}{{ end }}
{{- range include "osp.ownOptions" . | fromYamlArray }}{{ $ownNames = append $ownNames (printf "OSP_%s" (. | upper | replace "-" "_")) }}{{ end }}
{{- if not $.Values.operator.proxy }}{{ $ownNames = without $ownNames "OSP_PROXY" }}{{ end }}{{/* with a password it is for a Secret */}}
{{- include "osp.distinct" (dict "value" "extraEnv" "given" $names "own" $ownNames) }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "osp.ownEnvironment" -}}
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: RUST_LOG
  value: {{ .Values.operator.logLevel | quote }}
{{- if .Values.trustedCA.configMap }}
- name: SSL_CERT_FILE
  value: {{ printf "/etc/session-policy-operator/ca/%s" .Values.trustedCA.key | quote }}
{{- end }}
{{- if .Values.tracing.endpoint }}
{{- $attributes := .Values.tracing.resourceAttributes }}
{{- include "osp.distinct" (dict "value" "tracing.resourceAttributes" "given" (keys $attributes) "own" (list "k8s.namespace.name" "k8s.pod.name")) }}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ .Values.tracing.endpoint | quote }}
- name: OTEL_RESOURCE_ATTRIBUTES
  {{- $all := list "k8s.namespace.name=$(POD_NAMESPACE)" "k8s.pod.name=$(POD_NAME)" }}
  {{- range $name, $value := $attributes }}{{ $all = append $all (printf "%s=%s" $name $value) }}{{ end }}
  value: {{ join "," $all | quote }}
{{- end }}
{{- end -}}

{{/* The arguments of the operator, those of extraArgs included. */}}
{{- define "osp.arguments" -}}
{{- $own := include "osp.ownArguments" . -}}
{{- $own -}}
{{- with .Values.extraArgs }}
{{- $flags := list "--pod-namespace" }}{{ range include "osp.ownOptions" $ | fromYamlArray }}{{ $flags = append $flags (printf "--%s" .) }}{{ end }}
{{- $more := list }}{{ range . }}{{ $more = append $more (regexReplaceAll "[= ].*" . "") }}{{ end }}
{{- include "osp.distinct" (dict "value" "extraArgs" "given" $more "own" $flags) }}
{{- range . }}
- {{ . | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The operator's options that only the chart may set, since they have a value, or permissions, volumes, ports and the grace
period depend on them. */}}
{{- define "osp.ownOptions" -}}
[http-addr, log-format, leader-elect, lease-name, lease-namespace, watch-namespace, credentials-dir, default-credentials-for,
 resync-interval, relist-interval, revert-delay, deletion-grace, namespace-deletion-grace, disable-feature-on-delete,
 request-timeout, gateway-timeout, rate-limit, proxy, allowed-host]
{{- end -}}

{{- define "osp.ownArguments" -}}
- --http-addr=[::]:{{ .Values.httpPort }}
- --log-format={{ .Values.operator.logFormat }}
{{- if .Values.leaderElection.enabled }}
- {{ printf "--lease-name=%s" (include "osp.leaseName" .) | quote }}
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
{{- $limits := dict "revertDelay" (list "0s" "8760h") "requestTimeout" (list "100ms" "5m") }}
{{- range $value := list "resyncInterval" "relistInterval" "revertDelay" "deletionGrace" "namespaceDeletionGrace" "requestTimeout" "gatewayTimeout" }}
{{- with get $.Values.operator $value }}
{{- $of := get $limits $value | default (list "100ms" "8760h") }}
{{- include "osp.between" (dict "value" (printf "operator.%s" $value) "duration" . "least" (first $of) "most" (last $of)) }}
{{- end }}
{{- end }}
{{- range $flag, $value := dict "resync-interval" .resyncInterval "relist-interval" .relistInterval "revert-delay" .revertDelay "deletion-grace" .deletionGrace "namespace-deletion-grace" .namespaceDeletionGrace "request-timeout" .requestTimeout "gateway-timeout" .gatewayTimeout "rate-limit" .rateLimit "proxy" .proxy }}
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
{{- end -}}
