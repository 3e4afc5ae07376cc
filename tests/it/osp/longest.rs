//! `--max-absolute` and `--max-idle`.

use super::Folder;

#[test]
fn a_timeout_that_is_longer_than_the_arguments_allow_is_a_finding_at_its_line() {
    let text = "\
apiVersion: scalekit.com/v1alpha1
kind: OrganizationSessionPolicy
metadata:
  name: a
spec:
  organization:
    id: org_1
  policy:
    policySource: CUSTOM
    absoluteSessionTimeout: 2
    absoluteSessionTimeoutUnit: DAYS
";
    let folder = Folder::with(text);
    for verb in [&["validate"][..], &["plan"], &["apply", "--yes"]] {
        let ran = folder.osp(&[verb, &["a.yaml", "--max-absolute", "24h", "--max-idle", "1h"]].concat());
        let said = ran.out + &ran.err;
        assert_eq!(ran.code, Some(1), "{verb:?}: {said}");
        for line in [
            "a.yaml:10:29: error[too-long]: spec.policy.absoluteSessionTimeout: 2d is longer than the 1d that \
             --max-absolute allows",
            "  fix: write absoluteSessionTimeout: 1 and absoluteSessionTimeoutUnit: DAYS, or less",
            "a.yaml:8:3: error[too-long]: spec.policy.idleSessionTimeout: without an idle timeout a session may be idle \
             for longer than the 1h of --max-idle",
            "  fix: write idleSessionTimeoutEnabled: true, idleSessionTimeout: 1 and idleSessionTimeoutUnit: HOURS, or less",
        ] {
            assert!(said.lines().any(|found| found == line), "{line}\n{said}");
        }
    }
    assert_eq!(folder.osp(&["validate", "a.yaml", "--max-absolute", "48h"]).code, Some(0));
    assert_eq!(folder.osp(&["validate", "a.yaml", "--max-absolute", "48"]).code, Some(1), "a limit has its unit");
}
