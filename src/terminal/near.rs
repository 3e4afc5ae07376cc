//! What somebody may have meant who wrote a name that is not there.

use strsim::osa_distance;

/// A name that is longer is compared by its beginning: the time for a distance
/// grows with both lengths.
const COMPARED: usize = 64;

/// At most three of `names`, those most similar to `name`: it is a part of the
/// other, or up to a third of its letters differ; two that changed places are one. `idle_timeout` and
/// `idleTimeout` are the same.
pub fn near<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let typed = letters(name);
    let mut found: Vec<(usize, &str)> = names.filter_map(|other| Some((distance(&typed, other)?, other))).collect();
    found.sort_unstable();
    let least = found.first().map(|(distance, _)| *distance);
    found.into_iter().take_while(|(distance, _)| Some(*distance) == least).take(3).map(|(_, name)| name).collect()
}

fn distance(typed: &str, name: &str) -> Option<usize> {
    let name = letters(name);
    let (shorter, longer) = if typed.len() < name.len() { (typed, &*name) } else { (&*name, typed) };
    let is_part = shorter != longer && shorter.len() >= 3 && longer.contains(shorter);
    let distance = if is_part { 1 } else { osa_distance(typed, &name) };
    (distance <= longer.len() / 3).then_some(distance)
}

fn letters(name: &str) -> String {
    name.chars().take(COMPARED).filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_seen_and_another_name_is_not() {
        let names = ["acme", "acme-eu", "globex", "initech"];
        let near = |name| near(name, names.into_iter());
        assert_eq!((near("acne"), near("amce")), (vec!["acme"], vec!["acme"]));
        assert_eq!(near("acm"), ["acme", "acme-eu"]);
        assert_eq!(near("gloebx"), ["globex"]);
        assert_eq!(near("globx"), ["globex"]);
        assert_eq!(near("prod-initech"), ["initech"]);
        assert_eq!([near("umbrella"), near("a"), near("")], [[""; 0]; 3]);
    }

    #[test]
    fn case_and_underscores_are_no_difference() {
        let fields = ["absoluteSessionTimeout", "deletionPolicy", "idleSessionTimeout", "mode"];
        let near = |field| near(field, fields.into_iter());
        assert_eq!(near("deletion_policy"), ["deletionPolicy"]);
        assert_eq!(near("Mode"), ["mode"]);
        assert_eq!(near("timeout"), ["absoluteSessionTimeout", "idleSessionTimeout"]);
        assert_eq!(near("idle_session_timeout".repeat(1000).as_str()), ["idleSessionTimeout"]);
    }
}
