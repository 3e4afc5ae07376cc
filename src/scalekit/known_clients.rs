//! The tokens and lockouts of all clients, by the three values of their credentials: Secrets with the
//! same values share them, and writing a Secret again does not clear a lockout.

use super::{Credentials, Environment, Settings, pruned::Pruned, token::Tokens};
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// The clients with the same client id, one for each secret.
type SameId = Vec<(Credentials, Arc<Tokens>)>;

/// The clients that are in use or locked out.
#[derive(Default)]
pub(super) struct KnownClients {
    ids: Mutex<Pruned<(Environment, String), SameId>>,
    numbers: AtomicU64,
}

fn in_use(clients: &mut SameId) -> bool {
    clients.retain(|(_, tokens)| Arc::strong_count(tokens) > 1 || tokens.is_locked_out());
    !clients.is_empty()
}

impl KnownClients {
    /// Calls `with` with each client in use, and its host and port.
    pub(super) fn for_each(&self, mut with: impl FnMut(&str, &Tokens)) {
        let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let used = ids.values().flatten().filter(|(_, tokens)| Arc::strong_count(tokens) > 1);
        used.for_each(|(credentials, tokens)| with(&credentials.address.server, tokens));
    }

    /// The client of this number.
    pub(super) fn get(&self, number: u64) -> Option<Arc<Tokens>> {
        let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.values().flatten().find(|(_, tokens)| tokens.number == number).map(|(_, tokens)| Arc::clone(tokens))
    }

    pub(super) fn tokens(&self, credentials: &Credentials, settings: &Settings) -> Arc<Tokens> {
        let key = (credentials.environment().clone(), credentials.id().to_owned());
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let clients = ids.get_or_insert(key, in_use, SameId::new);
        if let Some((_, tokens)) = clients.iter().find(|(known, _)| known == credentials) {
            return Arc::clone(tokens);
        }
        in_use(clients);
        let tokens = Arc::new(Tokens::new(self.numbers.fetch_add(1, Ordering::Relaxed), settings));
        clients.push((credentials.clone(), Arc::clone(&tokens)));
        tokens
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::{
        reconcile::{ErrorKind, RemoteError},
        scalekit::Rules,
    };

    fn credentials(id: &str, secret: &str) -> Credentials {
        Credentials::parse(b"https://acme.scalekit.com", id.as_bytes(), secret.as_bytes(), &Rules::default()).unwrap()
    }

    async fn refuse(tokens: &Tokens) {
        let refused = RemoteError::new(ErrorKind::CredentialsRejected);
        assert!(tokens.get(|_| async { Err(refused) }).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn row_126_ten_thousand_clients_that_came_and_went_are_forgotten_and_a_lockout_is_not() {
        let known = KnownClients::default();
        let locked_out = known.tokens(&credentials("skc_0", "wrong"), &Settings::default());
        refuse(&locked_out).await;
        let number = locked_out.number;
        drop(locked_out);
        for nth in 0..10_000 {
            known.tokens(&credentials(&format!("skc_{nth}"), "secret"), &Settings::default());
            known.tokens(&credentials("skc_0", &format!("secret-{nth}")), &Settings::default());
        }
        let ids = known.ids.lock().unwrap();
        let all: usize = ids.values().map(|clients| clients.len()).sum();
        assert!(all < 1000, "{all}");
        drop(ids);
        assert_eq!(known.tokens(&credentials("skc_0", "wrong"), &Settings::default()).number, number);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_in_use_is_never_forgotten() {
        let known = KnownClients::default();
        let used: Vec<_> = (0..2000)
            .map(|nth| known.tokens(&credentials(&format!("skc_{nth}"), "secret"), &Settings::default()))
            .collect();
        for (nth, tokens) in used.iter().enumerate() {
            assert!(Arc::ptr_eq(
                tokens,
                &known.tokens(&credentials(&format!("skc_{nth}"), "secret"), &Settings::default())
            ));
        }
    }
}
