//! Strongly connected components (Tarjan), without recursion.

/// Who follows whom.
pub(super) struct Graph {
    /// Where the successors of each state begin.
    starts: Vec<u32>,
    successors: Vec<(u32, bool)>,
}

impl Graph {
    pub(super) fn new(states: usize, edges: &[(u32, u32, bool)]) -> Self {
        let mut starts = vec![0_u32; states + 1];
        for (from, ..) in edges {
            starts[*from as usize + 1] += 1;
        }
        for at in 0..states {
            starts[at + 1] += starts[at];
        }
        let mut free = starts.clone();
        let mut successors = vec![(0, false); edges.len()];
        for (from, to, wrote) in edges {
            successors[free[*from as usize] as usize] = (*to, *wrote);
            free[*from as usize] += 1;
        }
        Self { starts, successors }
    }

    fn edges(&self, of: usize) -> &[(u32, bool)] {
        &self.successors[self.starts[of] as usize..self.starts[of + 1] as usize]
    }

    pub(super) fn next(&self, of: usize) -> impl Iterator<Item = usize> + '_ {
        self.edges(of).iter().map(|(to, _)| *to as usize)
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
                    Some((to, _)) => {
                        let to = *to as usize;
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

    /// The most edges that write on any way.
    pub(super) fn most_writes(&self, component: &[u32]) -> u32 {
        let mut order: Vec<usize> = (0..component.len()).collect();
        order.sort_by_key(|at| component[*at]);
        let mut most = vec![0; component.iter().max().map_or(0, |most| *most as usize + 1)];
        for at in order {
            let ways =
                self.edges(at).iter().map(|(to, wrote)| most[component[*to as usize] as usize] + u32::from(*wrote));
            let of = component[at] as usize;
            most[of] = ways.max().unwrap_or(0).max(most[of]);
        }
        most.into_iter().max().unwrap_or(0)
    }
}

#[test]
fn components_are_found_and_writes_counted() {
    let graph =
        Graph::new(5, &[(0, 1, true), (1, 2, false), (2, 1, false), (2, 3, true), (3, 4, false), (4, 3, false)]);
    let component = graph.components();
    assert!(component[1] == component[2] && component[3] == component[4]);
    assert!(component[0] > component[1] && component[1] > component[3]);
    assert_eq!(graph.bottom(&component), [true, false, false]);
    assert_eq!(graph.most_writes(&component), 2);
}
