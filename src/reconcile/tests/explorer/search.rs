//! Breadth-first search over all states of a closed world, and what holds of the graph.

use super::graph::{Edge, Graph};
use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasherDefault, Hasher},
    time::Duration,
};

/// So many states wait at most, which is about two gigabytes; from then on the newest comes first, and a story may not be
/// the shortest one.
const WIDEST: usize = 100_000;

/// A closed world: what can happen in a state, and what comes of it.
pub(crate) trait Model: Clone {
    /// Something that happens in one step.
    type Move: Copy;
    /// All that can happen now.
    fn moves(&mut self, into: &mut Vec<Self::Move>);
    /// Whether it is a fault, or somebody else's doing: without it everything comes to rest.
    fn is_trouble(made: Self::Move) -> bool;
    /// Lets it happen. `Err`: the property that it breaks.
    fn make(&mut self, made: Self::Move) -> Result<Made, String>;
    /// What it is, in words.
    fn tell(&mut self, made: Self::Move) -> String;
    /// Two states with the same key have the same future.
    fn key(&self) -> u64;
    /// How seldom what the server does not keep may be written again, if it ever may.
    fn seldom() -> Duration {
        Duration::MAX
    }
    /// Nothing is under way, and all is as it was declared, or the reason is said; `Err`: it
    /// is not.
    fn rest(&self) -> Option<Result<(), String>>;
}

/// What a move was.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Made {
    /// It wrote to Scalekit.
    pub(crate) wrote: bool,
    /// So much time passed.
    pub(crate) waited: Duration,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) states: usize,
    pub(crate) moves: usize,
    /// The longest way from the start.
    pub(crate) depth: u32,
    /// The most writes to Scalekit on a way without further trouble.
    pub(crate) writes: u32,
}

/// A property that is broken, and the shortest way there.
#[derive(Debug)]
pub(crate) struct Story(pub(crate) String);

/// One who knows all states seen.
pub(crate) struct Search<M: Model> {
    start: M,
    seen: HashMap<u64, u32, BuildHasherDefault<Identity>>,
    came: Vec<(u32, Option<M::Move>)>,
    depth: Vec<u16>,
    calm: Vec<Edge>,
    rests: Vec<(u32, bool)>,
}

impl<M: Model> Search<M> {
    /// Visits every state, `most` of them at most.
    pub(crate) fn run(start: M, most: usize) -> Result<Found, Story> {
        let mut search = Self {
            seen: [(start.key(), 0)].into_iter().collect(),
            came: vec![(0, None)],
            depth: vec![0],
            calm: Vec::new(),
            rests: Vec::new(),
            start: start.clone(),
        };
        let mut queue = VecDeque::from([(0, Box::new(start))]);
        let (mut found, mut moves) = (Found::default(), Vec::new());
        while let Some((from, mut state)) = if queue.len() > WIDEST { queue.pop_back() } else { queue.pop_front() } {
            if let Some(rest) = state.rest() {
                search.rests.push((from, rest.is_ok()));
            }
            moves.clear();
            state.moves(&mut moves);
            let mut state = Some(state);
            for (at, made) in moves.iter().enumerate() {
                // most states have one successor: nothing is copied for it
                let next = if at + 1 < moves.len() { state.clone() } else { state.take() };
                let Some(mut next) = next else { break };
                found.moves += 1;
                let did = next.make(*made).map_err(|broken| search.story(from, Some(*made), &broken))?;
                let (id, new) = search.visit(next.key(), from, *made);
                if !M::is_trouble(*made) {
                    search.calm.push(Edge { from, to: id, wrote: did.wrote, seconds: did.waited.as_secs_f32() });
                }
                if new {
                    if search.came.len() > most {
                        return Err(Story(format!("more than {most} states, {} wait", queue.len())));
                    }
                    queue.push_back((id, next));
                }
            }
        }
        found.states = search.came.len();
        found.depth = search.depth.iter().copied().max().unwrap_or_default().into();
        found.writes = search.comes_to_rest()?;
        Ok(found)
    }

    fn visit(&mut self, key: u64, from: u32, made: M::Move) -> (u32, bool) {
        let next = u32::try_from(self.came.len()).unwrap();
        let id = *self.seen.entry(key).or_insert(next);
        if id == next {
            self.came.push((from, Some(made)));
            self.depth.push(self.depth[from as usize].saturating_add(1));
        }
        (id, id == next)
    }

    /// Every bottom component of the graph without trouble is at rest: nothing is written in
    /// it, and all is as declared. The most writes on a way there.
    fn comes_to_rest(&self) -> Result<u32, Story> {
        let graph = Graph::new(self.came.len(), &self.calm);
        let component = graph.components();
        let bottom = graph.bottom(&component);
        let mut rests = vec![false; self.came.len()];
        for (state, agrees) in &self.rests {
            let of = component[*state as usize] as usize;
            if bottom[of] {
                rests[of] = true;
                if !agrees {
                    let why = self.replay(*state).rest();
                    let why = why.and_then(Result::err).unwrap_or_default();
                    return Err(self.story(*state, None, &format!("L1-L7: it comes to rest, but {why}")));
                }
            }
        }
        for (state, of) in component.iter().enumerate() {
            if bottom[*of as usize] && !rests[*of as usize] {
                let ends = graph.next(state).next().is_none();
                let why = if ends { "nothing happens any more" } else { "it never comes to rest" };
                return Err(self.story(u32::try_from(state).unwrap(), None, &format!("L6: {why}")));
            }
        }
        if let Some(from) = graph.writes_too_often(&component, M::seldom()) {
            return Err(self.story(from, None, "L6: it writes again and again"));
        }
        Ok(graph.most_writes(&component))
    }

    fn way(&self, to: u32) -> Vec<M::Move> {
        let mut way = Vec::new();
        let mut at = to;
        while let (from, Some(made)) = self.came[at as usize] {
            way.push(made);
            at = from;
        }
        way.reverse();
        way
    }

    fn replay(&self, to: u32) -> M {
        let mut state = self.start.clone();
        for made in self.way(to) {
            drop(state.make(made));
        }
        state
    }

    /// The shortest way to the state, as at most twenty lines.
    fn story(&self, to: u32, last: Option<M::Move>, broken: &str) -> Story {
        let mut state = self.start.clone();
        let mut lines: Vec<String> = Vec::new();
        for made in self.way(to).into_iter().chain(last) {
            let told = state.tell(made);
            drop(state.make(made));
            match lines.last_mut() {
                Some(line) if told.starts_with("- ") && line.len() < 400 => line.push_str(&format!(", {}", &told[2..])),
                _ => lines.push(told),
            }
        }
        if lines.len() > 19 {
            let cut = lines.len() - 18;
            lines.splice(0..cut, [format!("({cut} earlier lines)")]);
        }
        Story(format!("{broken}\n{}", lines.join("\n")))
    }
}

/// The keys are hashes already.
#[derive(Default)]
pub(crate) struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only keys")
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}
