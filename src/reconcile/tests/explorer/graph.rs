//! Strongly connected components (Tarjan), without recursion.

use std::time::Duration;

/// One state follows another without trouble.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) wrote: bool,
    pub(super) seconds: f32,
}

/// Who follows whom.
pub(super) struct Graph {
    /// Where the successors of each state begin.
    starts: Vec<u32>,
    successors: Vec<Edge>,
}

impl Graph {
    pub(super) fn new(states: usize, edges: &[Edge]) -> Self {
        let mut starts = vec![0_u32; states + 1];
        for edge in edges {
            starts[edge.from as usize + 1] += 1;
        }
        for at in 0..states {
            starts[at + 1] += starts[at];
        }
        let mut free = starts.clone();
        let mut successors = vec![Edge { from: 0, to: 0, wrote: false, seconds: 0.0 }; edges.len()];
        for edge in edges {
            successors[free[edge.from as usize] as usize] = *edge;
            free[edge.from as usize] += 1;
        }
        Self { starts, successors }
    }

    fn edges(&self, of: usize) -> &[Edge] {
        &self.successors[self.starts[of] as usize..self.starts[of + 1] as usize]
    }

    pub(super) fn next(&self, of: usize) -> impl Iterator<Item = usize> + '_ {
        self.edges(of).iter().map(|edge| edge.to as usize)
    }

    /// The component of each state; whoever is reached has a lower number, or the same.
    pub(super) fn components(&self) -> Vec<u32> {
        const UNSEEN: u32 = u32::MAX;
        let states = self.starts.len() - 1;
        let (mut index, mut low, mut component) = (vec![UNSEEN; states], vec![0; states], vec![UNSEEN; states]);
        let (mut counter, mut components, mut open, mut calls) = (0, 0, Vec::new(), Vec::new());
        for root in 0..states {
            if index[root] != UNSEEN {
                continue;
            }
            calls.push((root, 0));
            while let Some((at, edge)) = calls.pop() {
                if index[at] == UNSEEN {
                    (index[at], low[at]) = (counter, counter);
                    counter += 1;
                    open.push(at);
                }
                match self.edges(at).get(edge) {
                    Some(follows) => {
                        let to = follows.to as usize;
                        if index[to] == UNSEEN {
                            calls.extend([(at, edge), (to, 0)]); // again, to take in what it finds
                            continue;
                        }
                        if component[to] == UNSEEN {
                            low[at] = low[at].min(low[to]);
                        }
                        calls.push((at, edge + 1));
                    }
                    None if low[at] == index[at] => {
                        while let Some(of) = open.pop() {
                            component[of] = components;
                            if of == at {
                                break;
                            }
                        }
                        components += 1;
                    }
                    None => {}
                }
            }
        }
        component
    }

    /// Which components nothing leaves.
    pub(super) fn bottom(&self, component: &[u32]) -> Vec<bool> {
        let mut bottom = vec![true; component.iter().max().map_or(0, |most| *most as usize + 1)];
        for (at, of) in component.iter().enumerate() {
            bottom[*of as usize] &= self.next(at).all(|to| component[to] == *of);
        }
        bottom
    }

    /// A state of a component that goes round and writes more than once in `seldom`, or that goes
    /// round in several ways and writes at all.
    pub(super) fn writes_too_often(&self, component: &[u32], seldom: Duration) -> Option<u32> {
        let components = component.iter().max().map_or(0, |most| *most as usize + 1);
        let (mut writes, mut seconds) = (vec![0_u16; components], vec![0.0; components]);
        let mut surplus = vec![0_i32; components]; // of edges over states
        for of in component {
            surplus[*of as usize] -= 1;
        }
        let inner =
            || self.successors.iter().filter(|edge| component[edge.from as usize] == component[edge.to as usize]);
        for edge in inner() {
            let of = component[edge.from as usize] as usize;
            writes[of] += u16::from(edge.wrote);
            seconds[of] += edge.seconds;
            surplus[of] += 1;
        }
        let often = |of: usize| surplus[of] > 0 || seconds[of] < f32::from(writes[of]) * seldom.as_secs_f32();
        inner().find(|edge| edge.wrote && often(component[edge.from as usize] as usize)).map(|edge| edge.from)
    }

    /// The most edges that write on any way.
    pub(super) fn most_writes(&self, component: &[u32]) -> u32 {
        let mut order: Vec<usize> = (0..component.len()).collect();
        order.sort_by_key(|at| component[*at]);
        let mut most = vec![0; component.iter().max().map_or(0, |most| *most as usize + 1)];
        for at in order {
            let of = component[at] as usize;
            let leave = self.edges(at).iter().filter(|edge| component[edge.to as usize] as usize != of);
            let ways = leave.map(|edge| most[component[edge.to as usize] as usize] + u32::from(edge.wrote));
            most[of] = ways.max().unwrap_or(0).max(most[of]);
        }
        most.into_iter().max().unwrap_or(0)
    }
}

#[test]
fn components_are_found_and_writes_counted() {
    let edge = |(from, to, wrote, seconds)| Edge { from, to, wrote, seconds };
    let edges = [(0, 1, true, 0.0), (1, 2, false, 1.0), (2, 1, false, 0.0), (2, 3, true, 0.0), (3, 4, false, 5.0)];
    let graph = |last| Graph::new(5, &edges.into_iter().chain([last]).map(edge).collect::<Vec<_>>());
    let (round, graph) = (graph((4, 3, true, 5.0)), graph((4, 3, false, 0.0)));
    let component = graph.components();
    assert!(component[1] == component[2] && component[3] == component[4]);
    assert!(component[0] > component[1] && component[1] > component[3]);
    assert_eq!(graph.bottom(&component), [true, false, false]);
    assert_eq!(graph.most_writes(&component), 2);
    let seconds = Duration::from_secs;
    assert_eq!(graph.writes_too_often(&component, seconds(20)), None);
    assert_eq!(round.writes_too_often(&component, seconds(10)), None, "once in ten seconds");
    assert!(round.writes_too_often(&component, seconds(11)).is_some());
}
