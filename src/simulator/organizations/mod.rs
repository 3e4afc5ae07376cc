//! The organizations of the environment, in order of creation.
//!
//! Three indexes, so that a page of ten thousand organizations costs as much as one of ten.

mod organization;

pub(crate) use organization::{Draft, Organization};

use std::collections::{BTreeMap, HashMap};

/// Why an organization can't be created or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Clash {
    #[error("the id is not org_ followed by 1 to 28 letters or digits")]
    BadId,
    #[error("the id is taken")]
    Id,
    #[error("the external id is taken")]
    ExternalId,
}

/// All organizations of the environment, by age, id and external id.
#[derive(Debug, Default)]
pub(crate) struct Organizations {
    by_age: BTreeMap<u64, Organization>,
    by_id: HashMap<String, u64>,
    by_external_id: HashMap<String, u64>,
    created: u64,
}

impl Organizations {
    /// `org_1` with external id `tenant-1`, and so on.
    pub(crate) fn numbered(count: usize) -> Self {
        let mut all = Self::default();
        for number in 1..=count {
            // Numbered ids can't clash with each other.
            let _ = all.create(Draft::new(format!("org_{number}"), Some(format!("tenant-{number}"))));
        }
        all
    }

    pub(crate) fn len(&self) -> usize {
        self.by_age.len()
    }

    /// Creates an organization. Without an id it gets the next free number.
    pub(crate) fn create(&mut self, mut draft: Draft) -> Result<&mut Organization, Clash> {
        if draft.id.is_empty() {
            draft.id = self.next_id();
        }
        if !is_id(&draft.id) {
            return Err(Clash::BadId);
        }
        if self.by_id.contains_key(&draft.id) {
            return Err(Clash::Id);
        }
        if draft.external_id.as_ref().is_some_and(|external| self.by_external_id.contains_key(external)) {
            return Err(Clash::ExternalId);
        }
        self.created += 1;
        let age = self.created;
        self.by_id.insert(draft.id.clone(), age);
        if let Some(external) = &draft.external_id {
            self.by_external_id.insert(external.clone(), age);
        }
        Ok(self.by_age.entry(age).or_insert_with(|| Organization::new(draft)))
    }

    pub(crate) fn get(&mut self, id: &str) -> Option<&mut Organization> {
        self.by_age.get_mut(self.by_id.get(id)?)
    }

    pub(crate) fn get_external(&mut self, external_id: &str) -> Option<&mut Organization> {
        self.by_age.get_mut(self.by_external_id.get(external_id)?)
    }

    pub(crate) fn remove(&mut self, id: &str) -> Option<Organization> {
        let gone = self.by_age.remove(&self.by_id.remove(id)?)?;
        if let Some(external) = &gone.external_id {
            self.by_external_id.remove(external);
        }
        Some(gone)
    }

    /// Deletes an organization and creates another with the same external id and a new id.
    pub(crate) fn recreate(&mut self, id: &str) -> Option<&mut Organization> {
        let successor = self.next_id();
        let gone = self.remove(id)?;
        let draft = Draft { display_name: gone.display_name, ..Draft::new(successor, gone.external_id) };
        self.create(draft).ok()
    }

    /// Gives an organization another external id, or none; whoever had that one loses it.
    pub(crate) fn remap(&mut self, id: &str, external_id: Option<String>) {
        let Some(age) = self.by_id.get(id).copied() else { return };
        if let Some(former) = external_id.as_deref().and_then(|external| self.get_external(external)) {
            former.external_id = None;
        }
        let Some(organization) = self.by_age.get_mut(&age) else { return };
        let before = std::mem::replace(&mut organization.external_id, external_id.clone());
        if let Some(before) = before {
            self.by_external_id.remove(&before);
        }
        if let Some(external) = external_id {
            self.by_external_id.insert(external, age);
        }
    }

    /// Up to `size` organizations older than `before`, newest first; and where the next page begins, if
    /// there is one.
    pub(crate) fn page(&mut self, before: u64, size: usize) -> (Vec<&mut Organization>, Option<u64>) {
        let mut rest = self.by_age.range_mut(..before).rev();
        let page: Vec<_> = rest.by_ref().take(size).collect();
        let last = page.last().map(|(age, _)| **age);
        let next = rest.next().and(last);
        (page.into_iter().map(|(_, organization)| organization).collect(), next)
    }

    fn next_id(&self) -> String {
        let mut number = self.created + 1;
        while self.by_id.contains_key(&format!("org_{number}")) {
            number += 1;
        }
        format!("org_{number}")
    }
}

fn is_id(id: &str) -> bool {
    id.strip_prefix("org_")
        .is_some_and(|rest| (1..=28).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(page: &[&mut Organization]) -> Vec<String> {
        page.iter().map(|organization| organization.id.clone()).collect()
    }

    #[test]
    fn pages_go_from_newest_to_oldest_without_gaps() {
        let mut all = Organizations::numbered(5);
        let (first, next) = all.page(u64::MAX, 2);
        assert_eq!((ids(&first), next), (vec!["org_5".to_owned(), "org_4".to_owned()], Some(4)));
        all.remove("org_4");
        let (second, next) = all.page(4, 3);
        assert_eq!((ids(&second).len(), next), (3, None));
    }

    #[test]
    fn a_successor_has_the_external_id_and_a_new_id() {
        let mut all = Organizations::numbered(2);
        let successor = all.recreate("org_1").unwrap().id.clone();
        assert_eq!(successor, "org_3");
        assert!(all.get("org_1").is_none());
        assert_eq!(all.get_external("tenant-1").unwrap().id, successor);
    }

    #[test]
    fn remapping_takes_the_external_id_from_its_holder() {
        let mut all = Organizations::numbered(2);
        all.remap("org_2", Some("tenant-1".to_owned()));
        assert_eq!(all.get_external("tenant-1").unwrap().id, "org_2");
        assert_eq!(all.get("org_1").unwrap().external_id, None);
        assert!(all.get_external("tenant-2").is_none());
    }

    #[test]
    fn ids_and_external_ids_are_unique() {
        let mut all = Organizations::numbered(1);
        assert_eq!(all.create(Draft::new("org_1".into(), None)).unwrap_err(), Clash::Id);
        assert_eq!(all.create(Draft::new("org_9".into(), Some("tenant-1".into()))).unwrap_err(), Clash::ExternalId);
        assert_eq!(all.create(Draft::new("tenant-9".into(), None)).unwrap_err(), Clash::BadId);
    }
}
