//! The tokens and lockouts of all clients, by the three values of their credentials: Secrets with the
//! same values share them, and writing a Secret again does not clear a lockout.

use super::{Credentials, Environment, pruned::Pruned, token::Tokens};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
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

    /// Calls `with` with the client of this number, if it is in use.
    pub(super) fn with(&self, number: u64, with: impl FnOnce(&Tokens)) {
        let mut with = Some(with);
        self.for_each(|_, tokens| {
            if let Some(with) = (tokens.number == number).then(|| with.take()).flatten() {
                with(tokens);
            }
        });
    }

    /// `deadline`: the longest that a request can take; `rate`: the most requests per second.
    pub(super) fn tokens(&self, credentials: &Credentials, deadline: Duration, rate: f64) -> Arc<Tokens> {
        let key = (credentials.environment().clone(), credentials.id().to_owned());
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let clients = ids.get_or_insert(key, in_use, SameId::new);
        if let Some((_, tokens)) = clients.iter().find(|(known, _)| known == credentials) {
            return Arc::clone(tokens);
        }
        in_use(clients);
        let tokens = Arc::new(Tokens::new(self.numbers.fetch_add(1, Ordering::Relaxed), deadline, rate));
        clients.push((credentials.clone(), Arc::clone(&tokens)));
        tokens
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Duration = Duration::from_secs(10);
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
        let locked_out = known.tokens(&credentials("skc_0", "wrong"), DEADLINE, 10.0);
        refuse(&locked_out).await;
        let number = locked_out.number;
        drop(locked_out);
        for nth in 0..10_000 {
            known.tokens(&credentials(&format!("skc_{nth}"), "secret"), DEADLINE, 10.0);
            known.tokens(&credentials("skc_0", &format!("secret-{nth}")), DEADLINE, 10.0);
        }
        let ids = known.ids.lock().unwrap();
        let all: usize = ids.values().map(|clients| clients.len()).sum();
        assert!(all < 1000, "{all}");
        drop(ids);
        assert_eq!(known.tokens(&credentials("skc_0", "wrong"), DEADLINE, 10.0).number, number);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_in_use_is_never_forgotten() {
        let known = KnownClients::default();
        let used: Vec<_> =
            (0..2000).map(|nth| known.tokens(&credentials(&format!("skc_{nth}"), "secret"), DEADLINE, 10.0)).collect();
        for (nth, tokens) in used.iter().enumerate() {
            assert!(Arc::ptr_eq(tokens, &known.tokens(&credentials(&format!("skc_{nth}"), "secret"), DEADLINE, 10.0)));
        }
    }
}
