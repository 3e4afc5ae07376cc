//! `helm rollback` puts back the objects of a revision as Helm has stored them, a Job that uninstalls included: no
//! template can keep it from that, so the Job itself knows that it has run.

use super::install::{Install, NAME};
use crate::{
    cluster::{Cluster, eventually},
    world::{EIGHT_HOURS, World},
};
use serde_json::json;
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_to_a_revision_that_uninstalled_releases_nothing_a_second_time() {
    let world = World::on(Arc::new(Cluster::without_definition()), World::scalekit(json!({})).await);
    let (mut install, _) = Install::new(&world, &json!({}));
    world.cluster.until_established("organizationsessionpolicies.scalekit.com");
    install.start();
    world.apply_secret("scalekit", "test_simulator");
    let spec =
        format!("{{organization: {{id: org_1}}, policy: {EIGHT_HOURS}, credentialsSecretRef: {{name: scalekit}}}}");
    world.apply("acme", &spec);
    world.until("acme", "True", "InSync");
    install.stop();
    let source = || world.stored("org_1")["policy"]["source"].clone();
    let uninstalling =
        |revision: u8| json!({"uninstall": {"enabled": true, "policies": "revert", "revision": revision}});
    let uninstall = |install: &Install| {
        let output = install.run_job();
        let [said, log] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        (output.status.success(), said + &log)
    };
    install.upgrade(&uninstalling(2));
    let (released, said) = uninstall(&install);
    assert!(released && said.contains("1 released, 0 left"), "{said}");
    assert_eq!(source(), "APPLICATION");

    install.upgrade(&json!({"uninstall": {"enabled": false, "policies": "keep"}}));
    install.start();
    eventually("it is kept again", 60, || (source() == "CUSTOM").then_some(()));
    world.until("acme", "True", "InSync");
    install.stop();
    install.roll_back("2");
    let deployment = world.cluster.get(super::NAMESPACE, &format!("deployment/{NAME}")).unwrap();
    assert_eq!(deployment["spec"]["replicas"], 0, "it is that revision");
    let (released, said) = uninstall(&install);
    assert!(!released && said.contains("this uninstall has run already"), "{said}");
    assert_eq!(source(), "CUSTOM");

    install.upgrade(&uninstalling(5));
    let (released, said) = uninstall(&install);
    assert!(released && said.contains("1 released, 0 left"), "one that is asked for anew: {said}");
    assert_eq!(source(), "APPLICATION");
}
