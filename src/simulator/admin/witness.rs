//! Reading the journal.

use super::{Wrong, written};
use crate::simulator::call::{Call, form};
use crate::simulator::desk::Desk;
use crate::simulator::journal::{Entry, Filter};
use serde_json::{Value, json};

pub(super) fn read(desk: &Desk, call: &Call) -> Result<Value, Wrong> {
    let filter = filter(call)?;
    let journal = desk.journal();
    let entries: Vec<&Entry> = journal.read(&filter).collect();
    written(&entries)
}

pub(super) fn count(desk: &Desk, call: &Call) -> Result<Value, Wrong> {
    let filter = filter(call)?;
    Ok(json!({"count": desk.journal().read(&filter).count()}))
}

/// `?method=PATCH&path=/api/v1/**&status=429&after=17`, each optional.
fn filter(call: &Call) -> Result<Filter, Wrong> {
    let mut filter = Filter::default();
    for (name, value) in form(&call.query) {
        let wrong = |_| (400, format!("{name}={value} is not a number"));
        match name.as_str() {
            "method" => filter.method = Some(value),
            "path" => filter.path = Some(value),
            "status" => filter.status = Some(value.parse().map_err(wrong)?),
            "after" => filter.after = value.parse().map_err(wrong)?,
            _ => return Err((400, format!("no filter {name}"))),
        }
    }
    Ok(filter)
}
