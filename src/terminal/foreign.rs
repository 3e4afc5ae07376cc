//! Verbs and flags that users of kubectl and Terraform type, and what `osp` has in their place. Only what
//! `osp` does not have itself is here.

const VERBS: &[(&[&str], &str)] = &[
    (&["get", "list", "ls"], "`osp status` lists policies, and so does `kubectl get osp`"),
    (&["describe"], "`osp explain NAME` says what is so, why, and what to do"),
    (&["delete", "rm"], "`kubectl delete osp NAME` deletes a policy, and the operator reverts it"),
    (&["destroy"], "`osp apply --prune --last-applied PATH` reverts what left the files"),
    (&["logs", "log", "events"], "`osp history NAME` shows what was done with a policy"),
    (&["refresh", "sync"], "`osp reconcile NAME` asks the operator to reconcile now, `osp plan` reads Scalekit"),
    (&["wait", "rollout"], "`osp reconcile NAME` waits for the outcome"),
    (&["pause", "stop"], "`osp suspend NAME` suspends a policy"),
    (&["unpause", "continue"], "`osp resume NAME` resumes a policy"),
    (&["create", "generate"], "`osp new` prints a manifest, `osp apply` applies it"),
    (&["import", "pull", "dump"], "`osp export` writes manifests of what Scalekit has"),
    (&["edit", "patch", "replace"], "`kubectl edit osp NAME` edits a policy in a cluster"),
    (&["lint", "verify"], "`osp validate` checks manifests, `osp check` an installation"),
    (&["uninstall"], "`session-policy-operator uninstall` does that"),
];

const FLAGS: &[(&[&str], &str)] = &[
    (&["-k", "--kustomize"], "pipe it: `kubectl kustomize DIR | osp validate -`, and likewise plan and apply"),
    (&["--dry-run"], "`osp plan` shows what `osp apply` would do"),
    (
        &["--server-side", "--force-conflicts", "--field-manager"],
        "`kubectl apply` writes to a cluster, osp to Scalekit",
    ),
    (&["--no-color", "--no-colour"], "the environment variable NO_COLOR=1 switches colours off"),
    (&["--input"], "there is a question without --yes only, and none without a terminal"),
    (&["--detailed-exitcode"], "`osp plan` exits with 2 if there are changes as it is"),
    (&["--json"], "write -o json"),
    (&["--wide"], "write -o wide"),
    (&["-o", "--output"], "`osp status`, `osp diff` and `osp plan` have -o json and -o yaml"),
    (&["--target"], "name the files of the policies that are meant"),
    (&["--parallelism"], "--rate-limit says how many requests are sent in a second"),
    (&["--refresh", "--refresh-only", "--state", "--lock", "--var", "--var-file"], "osp has no state and no variables"),
    (&["-n", "--namespace"], "this verb reads files; the namespace of a policy is in its manifest"),
];

fn find(table: &[(&[&str], &'static str)], typed: &str) -> Option<&'static str> {
    table.iter().find(|(names, _)| names.contains(&typed)).map(|(_, instead)| *instead)
}

/// What to use in place of this verb.
pub(super) fn verb(typed: &str) -> Option<&'static str> {
    find(VERBS, typed)
}

/// What to use in place of this flag, which has its dashes and may have a value.
pub(super) fn flag(typed: &str) -> Option<&'static str> {
    find(FLAGS, typed.split('=').next().unwrap_or_default())
}
