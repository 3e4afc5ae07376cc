//! What is known of each client: its token, or what it must wait out after a
//! refusal. It goes by the three values of the credentials, so Secrets with the
//! same values share it, and writing a Secret again does not clear it.

use super::{Credentials, Environment, pruned::Pruned, token::Tokens};
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// The clients of one client id, one for each secret.
type SameId = Vec<(Credentials, Arc<Tokens>)>;

/// All clients that are in use, or that still have something to wait out.
#[derive(Default)]
pub(super) struct KnownClients {
    ids: Mutex<Pruned<(Environment, String), SameId>>,
    numbers: AtomicU64,
}

fn in_use(clients: &mut SameId) -> bool {
    clients.retain(|(_, tokens)| Arc::strong_count(tokens) > 1 || tokens.must_wait());
    !clients.is_empty()
}

impl KnownClients {
    pub(super) fn tokens(&self, credentials: &Credentials) -> Arc<Tokens> {
        let key = (credentials.environment().clone(), credentials.id().to_owned());
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let clients = ids.get_or_insert(key, in_use, SameId::new);
        if let Some((_, tokens)) = clients.iter().find(|(known, _)| known == credentials) {
            return Arc::clone(tokens);
        }
        in_use(clients);
        let tokens = Arc::new(Tokens::new(self.numbers.fetch_add(1, Ordering::Relaxed)));
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
        let locked_out = known.tokens(&credentials("skc_0", "wrong"));
        refuse(&locked_out).await;
        let number = locked_out.number;
        drop(locked_out);
        for nth in 0..10_000 {
            known.tokens(&credentials(&format!("skc_{nth}"), "secret"));
            known.tokens(&credentials("skc_0", &format!("secret-{nth}")));
        }
        let mut ids = known.ids.lock().unwrap();
        let all: usize = ids.values_mut().map(|clients| clients.len()).sum();
        assert!(all < 1000, "{all}");
        drop(ids);
        assert_eq!(known.tokens(&credentials("skc_0", "wrong")).number, number);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_in_use_is_never_forgotten() {
        let known = KnownClients::default();
        let used: Vec<_> = (0..2000).map(|nth| known.tokens(&credentials(&format!("skc_{nth}"), "secret"))).collect();
        for (nth, tokens) in used.iter().enumerate() {
            assert!(Arc::ptr_eq(tokens, &known.tokens(&credentials(&format!("skc_{nth}"), "secret"))));
        }
    }
}
