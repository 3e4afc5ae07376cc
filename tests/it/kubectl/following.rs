//! `kubectl get -w`: what a person reads who follows a resource, and how often
//! its status is written for that.

use super::{minutes, org};
use crate::{
    cluster::{cluster, eventually},
    world::{World, condition},
};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader},
    process::Child,
    sync::{Arc, Mutex},
    thread,
};

/// A kubectl that follows the resources of a world until it is dropped.
struct Following {
    kubectl: Child,
    read: Arc<Mutex<String>>,
}

impl Following {
    fn start(world: &World, format: &[&str]) -> Self {
        let arguments = [&["-n", world.namespace.as_str(), "get", "osp", "-w"], format].concat();
        let mut kubectl = cluster().start_kubectl(&arguments);
        let mut lines = BufReader::new(kubectl.stdout.take().unwrap());
        let read = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&read);
        thread::spawn(move || {
            let mut line = String::new();
            while lines.read_line(&mut line).unwrap_or_default() > 0 {
                kept.lock().unwrap().push_str(&std::mem::take(&mut line));
            }
        });
        Self { kubectl, read }
    }

    fn text(&self) -> String {
        self.read.lock().unwrap().clone()
    }

    /// The objects named `name`, in the order they came.
    fn objects(&self, name: &str) -> Vec<Value> {
        let text = self.text();
        let whole = serde_json::Deserializer::from_str(&text).into_iter::<Value>().map_while(Result::ok);
        whole.filter(|object| object["metadata"]["name"] == name).collect()
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        drop(self.kubectl.kill());
        drop(self.kubectl.wait());
    }
}

/// What the table showed of acme, line by line: Ready, Reason, Synced.
fn ran(table: &str) -> Vec<String> {
    let of_acme = table.lines().filter(|line| line.starts_with("acme "));
    let words = of_acme.map(|line| line.split_whitespace().collect::<Vec<_>>());
    words
        .map(|words| {
            let mode = words.iter().position(|word| *word == "Enforce").unwrap();
            words[mode + 1..words.len() - 1].join(" ") // the last one is the age
        })
        .collect()
}

/// The sequence without repetitions.
fn without_repeats<T: PartialEq>(mut sequence: Vec<T>) -> Vec<T> {
    sequence.dedup();
    sequence
}

/// How often the status was written on the way.
fn status_writes(objects: &[Value], generation: i64) -> usize {
    let of_generation = |object: &&Value| object["metadata"]["generation"] == generation;
    without_repeats(objects.iter().filter(of_generation).map(|object| &object["status"]).collect()).len() - 1
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_a_creation_and_an_edit_reads_few_changes() {
    let world = World::new().await;
    let table = Following::start(&world, &[]);
    let objects = Following::start(&world, &["-o", "json"]);
    world.apply("first", &org("org_2", ", suspend: true"));
    let following = || table.text().contains("first") && !objects.objects("first").is_empty();
    eventually("both to follow", 60, || following().then_some(()));

    world.apply("acme", &org("org_1", ""));
    world.until("acme", "True", "InSync");
    world.apply("acme", &minutes("org_1", 90));
    let last = world.until("acme", "True", "InSync")["metadata"]["resourceVersion"].clone();
    let arrived = |version: &Value| {
        let newest = objects.objects("acme").pop();
        newest.is_some_and(|newest| newest["metadata"]["resourceVersion"] == *version)
            && ran(&table.text()).len() == objects.objects("acme").len()
    };
    eventually("both to have read it", 60, || arrived(&last).then_some(()));
    world.until_reconciled(3);

    let (table, objects) = (table.text(), objects.objects("acme"));
    let quick = ["", "Unknown Progressing", "True InSync"];
    // an edit that takes more than a second says that it is under way
    let slow = [&quick[..], &["Unknown Progressing", "True InSync"]].concat();
    let rows = without_repeats(ran(&table));
    assert!(rows == quick || rows == slow, "{table}");
    assert!(ran(&table).len() <= 9, "{table}");
    assert_eq!(objects.last().unwrap()["metadata"]["resourceVersion"], last, "nothing more at rest");

    let generations: Vec<Value> = objects
        .iter()
        .map(|object| {
            let ready = condition(object, "Ready");
            json!([
                object["metadata"]["generation"],
                object["status"]["observedGeneration"],
                ready.map(|ready| &ready["reason"])
            ])
        })
        .collect();
    let mut generations = without_repeats(generations);
    generations.retain(|of| *of != json!([2, 2, "Progressing"]));
    let expected = json!([[1, -1, null], [1, 1, "Progressing"], [1, 1, "InSync"], [2, 1, "InSync"], [2, 2, "InSync"]]);
    assert_eq!(json!(generations), expected);
    for generation in [1, 2] {
        let writes = status_writes(&objects, generation);
        assert!((1..=3).contains(&writes), "{writes} writes for generation {generation}");
    }
}
