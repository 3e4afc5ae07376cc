# The bundle of a pod's container for runc (https://github.com/opencontainers/runtime-spec), as a kubelet and
# containerd make it. The input is the pod. A field that this does not know makes no difference, so
# tests/cluster/node says of the running process what it may.
#   $image        the image's configuration
#   $seccomp      Docker's default profile, which containerd's RuntimeDefault is a copy of
#   $folder       of the pod: root/, hosts, resolv.conf, volumes/NAME/
#   $environment  what the node adds: where the API server is
#   $network      the hook that connects the container

.spec as $pod | .spec.containers[0] as $container | (.metadata.name) as $name | (.metadata.namespace) as $namespace |
(($pod.securityContext // {}) * ($container.securityContext // {})) as $may |

def of($pattern): . as $given | {"metadata.namespace": $namespace, "metadata.name": $name}[$pattern] // error("no \($pattern)");
def expanded($variables): gsub("\\$\\((?<name>[-._a-zA-Z][-._a-zA-Z0-9]*)\\)"; $variables[.name] // "$(\(.name))");
def bytes: if test("^[0-9]+Mi$") then (rtrimstr("Mi") | tonumber * 1048576) else error("memory \(.)") end;
def bind($source; $path): {destination: $path, type: "bind", source: "\($folder)/\($source)", options: ["rbind", "ro"]};
def numbers: capture("^(?<uid>[0-9]+):(?<gid>[0-9]+)$") | map_values(tonumber);
def mount($path; $type; $options): {destination: $path, type: $type, source: $type, options: (["nosuid", "noexec"] + $options)};

(reduce $container.env[] as $one ({}; . as $before | .[$one.name] =
  (if $one.value then $one.value | expanded($before) else $one.valueFrom.fieldRef.fieldPath as $path | of($path) end))) as $variables |
if ($may.capabilities.drop // []) != ["ALL"] then error("only pods without capabilities run here") else . end |
if $may.runAsNonRoot != true or (($may.runAsUser // ($image.config.User | numbers.uid)) == 0) then error("only pods that are not root run here") else . end |
{
  ociVersion: "1.0.2",
  hostname: $name,
  root: {path: "\($folder)/root", readonly: ($may.readOnlyRootFilesystem == true)},
  process: {
    cwd: ($container.workingDir // $image.config.WorkingDir),
    args: (($container.command // $image.config.Entrypoint) + ($container.args // []) | map(expanded($variables))),
    env: (["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=\($name)"] + ($image.config.Env // []) + $environment
      + [$variables | to_entries[] | "\(.key)=\(.value)"]),
    user: (($image.config.User | numbers) * {additionalGids: [$pod.securityContext.fsGroup // empty]}
      * (if $may.runAsUser then {uid: $may.runAsUser} else {} end) * (if $may.runAsGroup then {gid: $may.runAsGroup} else {} end)),
    capabilities: {bounding: [], effective: [], permitted: [], inheritable: [], ambient: []},
    noNewPrivileges: ($may.allowPrivilegeEscalation == false)
  },
  mounts: ([
    {destination: "/proc", type: "proc", source: "proc"},
    {destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "strictatime", "mode=755", "size=65536k"]},
    mount("/dev/pts"; "devpts"; ["newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
    mount("/dev/shm"; "tmpfs"; ["nodev", "mode=1777", "size=65536k"]),
    mount("/sys"; "sysfs"; ["nodev", "ro"]),
    bind("hosts"; "/etc/hosts"), bind("resolv.conf"; "/etc/resolv.conf")
  ] + [($container.volumeMounts // [])[] | bind("volumes/\(.name)"; .mountPath)]),
  hooks: {createRuntime: [$network]},
  linux: {
    cgroupsPath: "/session-policy-node/\($name)",
    namespaces: [{type: "pid"}, {type: "network"}, {type: "ipc"}, {type: "uts"}, {type: "mount"}],
    resources: {devices: [{allow: false, access: "rwm"}], memory: {limit: ($container.resources.limits.memory | bytes)}},
    maskedPaths: ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"],
    readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    seccomp: (if $may.seccompProfile.type != "RuntimeDefault" then error("the pod wants another seccomp profile") else {
      defaultAction: $seccomp.defaultAction, defaultErrnoRet: $seccomp.defaultErrnoRet,
      architectures: [$seccomp.archMap[] | select(.architecture == {"amd64": "SCMP_ARCH_X86_64", "arm64": "SCMP_ARCH_AARCH64"}[$image.architecture]) | .architecture],
      syscalls: [$seccomp.syscalls[]
        | select((.includes.caps // []) == [] and ((.includes.arches // [$image.architecture]) | index($image.architecture))
          and ((.excludes.arches // []) | index($image.architecture) | not))
        | {names, action} + (if .args then {args} else {} end) + (if .errnoRet then {errnoRet} else {} end)]
    } end)
  }
}
