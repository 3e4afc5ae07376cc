//! Over https with a private authority, as a Scalekit behind a proxy of the
//! company has it.

use super::{Pipeline, Run, custom};
use crate::authority::Authority;
use serde_json::{Value, json};

fn osp(pipeline: &Pipeline, url: &str, trusted: &Authority, arguments: &[&str]) -> Run {
    let mut command = pipeline.command(arguments);
    command.env_remove("OSP_ALLOW_HTTP").env("SCALEKIT_ENVIRONMENT_URL", url);
    Run::of(command.env("SSL_CERT_FILE", trusted.file("ca.pem")).output().unwrap())
}

#[test]
fn with_a_trusted_authority_everything_works_and_without_nothing_is_sent() {
    let pipeline = Pipeline::new(12, json!({}));
    for n in 1..=12 {
        pipeline.manifest(&format!("o{n}"), &custom(&format!("org_{n}"), 480, Some(60)));
    }
    let (authority, other) = (Authority::new("osp-trusted"), Authority::new("osp-other"));
    let url = pipeline.block_on(authority.front(pipeline.simulator.address()));
    let run = osp(&pipeline, &url, &other, &["plan", "policies"]).ended(1);
    assert!(run.out.contains("! 12 policies: TlsError: "), "{}", run.all());
    assert_eq!(pipeline.admin("GET", "journal/count", &Value::Null)["count"], 0);
    osp(&pipeline, &url, &authority, &["plan", "policies"]).ended(2);
    osp(&pipeline, &url, &authority, &["apply", "policies", "--yes"]).ended(0);
    osp(&pipeline, &url, &authority, &["plan", "policies"]).ended(0);
    assert_eq!(pipeline.stored("org_12")["policy"]["absolute_minutes"], 480);
}
