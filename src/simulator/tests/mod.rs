//! The simulator as its clients meet it: over loopback, one setting or fault at
//! a time.

mod admin;
mod contract;
mod documentation;
mod faults;
mod organizations;
mod policy;
mod switches;
mod token;
mod wire;
