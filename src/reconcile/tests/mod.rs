//! The decision, driven against a cluster and a Scalekit in memory. Each file
//! is one subject; `world` is what they share.

mod samples;
mod world;

mod audit;
mod cached;
mod candidacy;
mod contention;
mod contest;
mod convergence;
mod crash;
mod credentials;
mod deletion;
mod effort;
mod election;
mod events;
mod explorer;
mod faults;
mod flag;
mod freshness;
mod hand_over;
mod history;
mod in_effect;
mod inherit;
mod invariants;
mod issuer;
mod lanes;
mod late_writes;
mod leading;
mod lifecycle;
mod modes;
mod outage;
mod overdue;
mod past;
mod random;
mod reach;
mod recorded;
mod remote;
mod reports;
mod requeue;
mod restore;
mod rivals;
mod suspension;
mod sweep;
mod takeover;
mod tenants;
