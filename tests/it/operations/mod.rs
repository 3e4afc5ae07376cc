//! Generated edits of resources: after each of them everything is as a new resource with the same spec makes it, and
//! what a bad one has done is undone by the spec before. `make operations` makes two thousand of them.

mod edits;

use crate::{
    figures::{publish, today},
    resources::{self, conditions, read, resources, until},
    side_by_side::side_by_side,
    world::{World, condition, scalekit},
};
use fastrand::Rng;
use kube::{
    Api,
    api::{DeleteParams, DynamicObject},
};
use serde_json::{Value, json};
use session_policy_operator::simulator::{Config, Simulator};
use std::{
    iter::Sum,
    sync::Arc,
    time::{Duration, Instant},
};

/// Longer than it takes to become like a new one.
const PATIENCE: Duration = Duration::from_secs(90);

/// Resources that are edited side by side.
const LANES: usize = 6;

/// What was done.
#[derive(Debug, Default, Clone, Copy)]
struct Done {
    edits: usize,
    refused: usize,
    bad: usize,
}

impl Sum for Done {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| Self {
            edits: a.edits + b.edits,
            refused: a.refused + b.refused,
            bad: a.bad + b.bad,
        })
    }
}

/// One resource that is edited, and one that is made anew each time.
struct Lane {
    world: Arc<World>,
    api: Api<DynamicObject>,
    random: Rng,
    names: [String; 2],
    organizations: [String; 2],
}

/// All that must be equal of both: the live policy, the features, and what the status says.
#[derive(Debug, PartialEq, Clone)]
struct Seen {
    policy: Value,
    features: Value,
    conditions: Vec<String>,
    reported: Vec<Value>,
}

impl Lane {
    /// Applies this spec; what the API server says if it refuses.
    async fn apply(&self, which: usize, spec: &Value) -> Result<(), String> {
        let mut spec = spec.clone();
        spec["organization"] = json!({"id": self.organizations[which]});
        match resources::apply(&self.api, &self.names[which], &spec).await {
            Ok(()) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 422 => Err(status.message.clone()),
            Err(error) => panic!("{error}"),
        }
    }

    /// What there is now; `None` while the operator is at work.
    async fn seen(&self, which: usize) -> Option<Seen> {
        let resource = read(&self.api, &self.names[which]).await;
        let ready = condition(&resource, "Ready")?;
        let now = resource["status"]["observedGeneration"] == resource["metadata"]["generation"];
        if !now || ready["reason"] == "Progressing" {
            return None;
        }
        let stored = self.world.stored(&self.organizations[which]);
        let (mut said, mut reported) = (conditions(&resource), Vec::new());
        if ready["status"] == "True" {
            let fields = ["policy", "drift", "driftSummary", "effectivePolicy", "applicationPolicy"];
            reported.extend(fields.map(|field| resource["status"][field].clone()));
        } else {
            // of what was not read, the status keeps what was seen before
            said.retain(|condition| condition.starts_with("Ready "));
        }
        Some(Seen {
            policy: stored["policy"].clone(),
            features: stored["features"].clone(),
            conditions: said,
            reported,
        })
    }

    /// A new resource of this spec, for an organization that is as the edited one was `before`; it ends with the same.
    async fn is_as_a_new_one(&self, spec: &Value, before: &Value) -> Result<Seen, String> {
        self.world.edit(&self.organizations[1], before);
        self.apply(1, spec).await?;
        let both = until(PATIENCE, async || {
            let (edited, new) = (self.seen(0).await, self.seen(1).await);
            let story = format!("edited: {edited:#?}\nnew: {new:#?}");
            edited.filter(|edited| new.as_ref() == Some(edited)).ok_or(story)
        })
        .await?;
        self.api.delete(&self.names[1], &DeleteParams::default()).await.map_err(|error| error.to_string())?;
        until(PATIENCE, async || match read(&self.api, &self.names[1]).await {
            Value::Null => Ok(()),
            left => Err(format!("it is still there: {left:#}")),
        })
        .await?;
        Ok(both)
    }

    fn before(&self) -> Value {
        let stored = self.world.stored(&self.organizations[0]);
        json!({"policy": stored["policy"], "features": stored["features"]})
    }

    /// So many edits, one after the other; `Err`: the story of one that ended otherwise.
    async fn run(&mut self, edits: usize) -> Result<Done, String> {
        let mut done = Done::default();
        let (mut spec, mut random) = (edits::first(), self.random.clone());
        let before = self.before();
        self.apply(0, &spec).await?;
        let mut seen = self.is_as_a_new_one(&spec, &before).await?;
        while done.edits < edits {
            done.edits += 1;
            let next = edits::edited(&spec, &mut random);
            let story = |what: String| format!("after {spec}\nit became {next}\n{what}");
            let (drifted, undisturbed) = (random.u32(..4) == 0, self.before());
            if drifted {
                self.world.edit(&self.organizations[0], &json!({"policy": edits::drift(&mut random)}));
            }
            let before = self.before();
            if self.apply(0, &next).await.is_err() {
                done.refused += 1;
                self.world.edit(&self.organizations[0], &undisturbed);
                let now = self.seen(0).await;
                if now.as_ref() != Some(&seen) {
                    return Err(story(format!(
                        "it was refused, and something has changed: {now:#?}\nbefore: {seen:#?}"
                    )));
                }
                continue;
            }
            let now = self.is_as_a_new_one(&next, &before).await.map_err(story)?;
            let fails = ["Credentials", "Invalid"].iter().any(|reason| now.conditions[0].contains(reason));
            if fails {
                done.bad += 1;
                // what was live is kept, so that the spec before makes everything as a new one does
                self.apply(0, &spec).await.map_err(story)?;
                let again = self.is_as_a_new_one(&spec, &before).await.map_err(story)?;
                if !drifted && again != seen {
                    return Err(story(format!("rolled back: {again:#?}\nbefore: {seen:#?}")));
                }
                seen = again;
            } else {
                (spec, seen) = (next, now);
            }
        }
        Ok(done)
    }
}

/// So many edits in all, generated from this seed.
async fn operate(edits: usize, seed: u64) -> (Done, Vec<String>) {
    let config = Config { organizations: 2 * LANES, ..scalekit() };
    let cluster = crate::cluster::cluster();
    let mut world = World::on(cluster, Arc::new(Simulator::start(config).await.unwrap()));
    world.arguments = vec!["--resync-interval", "1h"];
    world.apply_secret("good", "test_simulator");
    world.kubectl(&["create", "secret", "generic", "incomplete", "--from-literal=SCALEKIT_CLIENT_ID=skc_simulator"]);
    world.start_operator();
    let world = Arc::new(world);
    let lanes = (0..LANES).map(|lane| (lane, Arc::clone(&world), edits.div_ceil(LANES), seed));
    let lanes = side_by_side(lanes, LANES, async |(lane, world, edits, seed): (usize, Arc<World>, usize, u64)| {
        let mut lane = Lane {
            api: resources(&world.cluster, &world.namespace).await,
            world,
            random: Rng::with_seed(seed + lane as u64),
            names: [format!("edited-{lane}"), format!("new-{lane}")],
            organizations: [2 * lane + 1, 2 * lane + 2].map(|n| format!("org_{n}")),
        };
        lane.run(edits).await
    });
    let (mut done, mut stories) = (Vec::new(), Vec::new());
    for lane in lanes.await {
        match lane.unwrap() {
            Ok(lane) => done.push(lane),
            Err(story) => stories.push(story),
        }
    }
    (done.into_iter().sum(), stories)
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_edit_all_is_as_a_new_resource_makes_it_and_a_bad_edit_is_undone_by_the_spec_before() {
    let (done, stories) = operate(48, 3).await;
    assert!(stories.is_empty(), "{}", stories.join("\n\n"));
    assert!(done.edits >= 48 && done.refused > 0 && done.bad > 0, "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "`make operations`: takes long, and writes docs/proof.md"]
async fn many_edits() {
    let edits: usize = std::env::var("EDITS").map_or(2000, |edits| edits.parse().unwrap());
    let seed = std::env::var("SEED").map_or_else(|_| fastrand::u64(..1 << 32), |seed| seed.parse().unwrap());
    let begun = Instant::now();
    let (done, stories) = operate(edits, seed).await;
    assert!(stories.is_empty(), "seed {seed}:\n{}", stories.join("\n\n"));
    let Done { edits, refused, bad } = done;
    let figures = format!(
        "{}, seed {seed}.\n\n| edits | refused by the API server | bad ones, undone | ended otherwise | seconds |\n\
         |---|---|---|---|---|\n| {edits} | {refused} | {bad} | {} | {} |",
        today(),
        stories.len(),
        begun.elapsed().as_secs()
    );
    println!("{figures}");
    publish("docs/proof.md", "operations", "operations", &figures);
}
