//! What is accepted and what is refused, and that everyone agrees on it: the
//! real API server, the check without a cluster, and the operator's own code.

mod agreement;
mod lists;
mod max_timeouts;
mod reading;
mod release;
pub mod rows;
mod server;
mod stored;
mod tenants;
