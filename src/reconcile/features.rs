//! Feature flags are written as a complete list, because it is unknown whether
//! the server merges or replaces them (`scalekit-api.md` §2.6), until it was seen to
//! merge them.

use super::{Feature, SESSION_POLICY};

/// The list to send so that `session_policy` is on, or off, and every other flag
/// stays.
///
/// `refused` counts how many lists the server has answered 400 to, which it
/// may do when it does not know a name that it has sent itself: first the list
/// as read, then without the flags that are off (dropping those loses nothing
/// even where the list is replaced), last the one entry alone, as the contract
/// says. Where the server was seen to merge (`merges`) that one comes first: whatever
/// others change meanwhile stays as it is. `None` when nothing is left to try.
pub(super) fn with_session_policy(read: &[Feature], enabled: bool, refused: u8, merges: bool) -> Option<Vec<Feature>> {
    let ours = || Feature { name: SESSION_POLICY.into(), enabled };
    let mut complete = read.to_vec();
    match complete.iter_mut().find(|f| f.name == SESSION_POLICY) {
        Some(flag) => flag.enabled = enabled,
        None => complete.push(ours()),
    }
    let short: Vec<Feature> = complete.iter().filter(|f| f.enabled || f.name == SESSION_POLICY).cloned().collect();
    let mut lists = vec![complete, short, vec![ours()]];
    if merges {
        lists.rotate_right(1);
    }
    lists.dedup();
    lists.into_iter().nth(refused.into())
}

/// Whether the response `echo` shows that the server merges: a flag that was on `before` and
/// that was not `sent` is still on.
pub(super) fn shows_merging(before: &[Feature], sent: &[Feature], echo: &[Feature]) -> bool {
    let left_out = |f: &&Feature| f.enabled && sent.iter().all(|other| other.name != f.name);
    before.iter().filter(left_out).any(|f| echo.contains(f))
}

/// The names of the other flags that are not as they were.
pub(super) fn changed_others(before: &[Feature], after: &[Feature]) -> Vec<String> {
    let enabled = |list: &[Feature], name: &str| list.iter().any(|f| f.name == name && f.enabled);
    let mut names: Vec<&str> = before.iter().chain(after).map(|f| f.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .filter(|name| *name != SESSION_POLICY && enabled(before, name) != enabled(after, name))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(flags: &[(&str, bool)]) -> Vec<Feature> {
        flags.iter().map(|(name, enabled)| Feature { name: (*name).into(), enabled: *enabled }).collect()
    }

    #[test]
    fn the_complete_list_goes_back_with_one_flag_changed() {
        let read = list(&[("sso", true), ("session_policy", false), ("dir_sync", false)]);
        let sent = list(&[("sso", true), ("session_policy", true), ("dir_sync", false)]);
        assert_eq!(with_session_policy(&read, true, 0, false), Some(sent));
        assert_eq!(with_session_policy(&[], true, 0, false), Some(list(&[("session_policy", true)])));
        let on = list(&[("sso", true), ("session_policy", true)]);
        assert_eq!(with_session_policy(&on, false, 0, false), Some(list(&[("sso", true), ("session_policy", false)])));
    }

    #[test]
    fn a_refused_list_shrinks_and_flags_that_are_on_go_last() {
        let read = list(&[("sso", true), ("directory_sync", false)]);
        assert_eq!(with_session_policy(&read, true, 1, false), Some(list(&[("sso", true), ("session_policy", true)])));
        assert_eq!(with_session_policy(&read, true, 2, false), Some(list(&[("session_policy", true)])));
        assert_eq!(with_session_policy(&read, true, 3, false), None);
        assert_eq!(with_session_policy(&[], true, 1, false), None, "the same list is not sent twice");
    }

    #[test]
    fn where_the_server_merges_the_one_entry_goes_first() {
        let read = list(&[("sso", true), ("scim", false)]);
        assert_eq!(with_session_policy(&read, true, 0, true), Some(list(&[("session_policy", true)])));
        assert_eq!(with_session_policy(&read, true, 1, true).map(|list| list.len()), Some(3));
        let sent = list(&[("session_policy", true)]);
        let shows = |echo: &[(&str, bool)]| shows_merging(&read, &sent, &list(echo));
        assert!(shows(&[("session_policy", true), ("sso", true)]));
        assert!(!shows(&[("session_policy", true), ("sso", false), ("scim", false)]), "it was replaced");
        assert!(!shows_merging(&read, &list(&[("sso", true), ("session_policy", true)]), &read), "all was sent");
    }

    #[test]
    fn order_and_absence_of_disabled_flags_are_no_change() {
        let before = list(&[("sso", true), ("dir_sync", false)]);
        let after = list(&[("session_policy", true), ("sso", true)]);
        assert!(changed_others(&before, &after).is_empty());
        assert_eq!(changed_others(&before, &list(&[("session_policy", true)])), ["sso"]);
        assert_eq!(changed_others(&before, &list(&[("sso", true), ("dir_sync", true)])), ["dir_sync"]);
    }
}
