//! The admin endpoints that read the journal.

use super::{AdminError, written};
use crate::simulator::http::{ApiRequest, form};
use crate::simulator::journal::{Entry, Filter};
use crate::simulator::server::Server;
use serde_json::{Value, json};

pub(super) fn read(server: &Server, request: &ApiRequest) -> Result<Value, AdminError> {
    let filter = filter(request)?;
    let journal = server.journal();
    let entries: Vec<&Entry> = journal.read(&filter).collect();
    written(&entries)
}

pub(super) fn count(server: &Server, request: &ApiRequest) -> Result<Value, AdminError> {
    let filter = filter(request)?;
    Ok(json!({"count": server.journal().read(&filter).count()}))
}

/// `?method=PATCH&path=/api/v1/**&status=429&after=17`, each optional.
fn filter(request: &ApiRequest) -> Result<Filter, AdminError> {
    let mut filter = Filter::default();
    for (name, value) in form(&request.query) {
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
