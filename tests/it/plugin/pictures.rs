//! The pictures in `docs/kubectl-osp.md` are what the verbs print.

use super::{Said, command, customers_in};
use crate::{
    cluster::within,
    manifests::assert_committed,
    pictures::{page, redrawn},
    world::World,
};
use std::os::unix::process::CommandExt;

const PAGE: &str = "docs/kubectl-osp.md";

/// What a command prints on 80 columns, with what differs from run to run as in
/// the page.
fn shown(world: &World, arguments: &str) -> String {
    let mut command = command(&world.cluster, "admin", Some(80));
    let said: Said = command.arg0("kubectl-osp").args(arguments.split(' ')).output().unwrap().into();
    let host = world.simulator.base_url();
    let text = said.out.replace(host.trim_start_matches("http://"), "acme.scalekit.com");
    text.lines().map(|line| with_fixed_age(line) + "\n").collect()
}

/// A line whose last word, if it is an age, is five minutes; and that about the operator.
fn with_fixed_age(line: &str) -> String {
    if line.starts_with("Operator ") {
        return format!(
            "Operator {} of system/policies last seen 1s ago, oldest observation 9m.",
            env!("CARGO_PKG_VERSION")
        );
    }
    match line.rsplit_once(' ') {
        Some((rest, age)) if age.strip_suffix(['s', 'm']).is_some_and(|n| n.parse::<u32>().is_ok()) => {
            format!("{rest} 5m")
        }
        _ => line.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_committed_pictures_of_the_plugin_are_what_it_prints() {
    let world = customers_in(Some("customers")).await;
    let page = page(PAGE);
    let mut made = String::new();
    // the last of several statuses may still be on its way
    let unchanged = within(30, || {
        made = redrawn(&page, |command| Some(shown(&world, command.strip_prefix("kubectl osp ")?)));
        (made == page).then_some(())
    });
    if unchanged.is_none() {
        assert_committed(PAGE, &made);
    }
}
