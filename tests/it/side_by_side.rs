//! Many runs of real processes, some of them at a time.

use futures::{StreamExt, stream};
use tokio::{
    runtime::Handle,
    task::{JoinError, spawn_blocking},
};

/// Does this with all of them, `at_once` at a time, each on a thread of its own, which may wait. `Err`: it panicked.
pub async fn side_by_side<T: Send + 'static, R: Send + 'static>(
    all: impl IntoIterator<Item = T>,
    at_once: usize,
    act: impl AsyncFn(T) -> R + Copy + Send + 'static,
) -> Vec<Result<R, JoinError>> {
    let handle = Handle::current();
    let run = |item| {
        let handle = handle.clone();
        spawn_blocking(move || handle.block_on(act(item)))
    };
    stream::iter(all).map(run).buffered(at_once).collect().await
}
