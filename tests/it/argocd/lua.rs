//! Runs the scripts of `deploy/argocd` as Argo CD does.

use serde_json::Value;
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
    thread,
};

/// A script of `deploy/argocd`.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/argocd/scalekit.com/OrganizationSessionPolicy").join(name)
}

/// What a script returns for an object.
pub fn run(name: &str, object: &Value) -> Value {
    run_each(name, std::slice::from_ref(object)).remove(0)
}

/// The health of an object, and the sentence beside it.
pub fn health(object: &Value) -> (String, String) {
    let health = run("health.lua", object);
    let text = |key: &str| health[key].as_str().unwrap_or_else(|| panic!("no {key}: {health}")).to_owned();
    (text("status"), text("message"))
}

/// What a script returns for each object; a script that fails is a failure.
pub fn run_each(name: &str, objects: &[Value]) -> Vec<Value> {
    let mut lua = Command::new(interpreter())
        .arg(script(name))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = lua.stdin.take().unwrap();
    let output = thread::scope(|scope| {
        scope.spawn(move || {
            for object in objects {
                // it hangs up on the first failure and says why on stderr
                if writeln!(stdin, "{object}").is_err() {
                    return;
                }
            }
        });
        lua.wait_with_output().unwrap()
    });
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    let results: Vec<Value> =
        serde_json::Deserializer::from_slice(&output.stdout).into_iter().collect::<Result<_, _>>().unwrap();
    assert_eq!(results.len(), objects.len());
    results
}

fn interpreter() -> PathBuf {
    parts().join("argocd-lua")
}

/// The folder of what is Argo CD's own: the interpreter, and the definition of its Application.
pub fn parts() -> &'static Path {
    static PARTS: OnceLock<PathBuf> = OnceLock::new();
    PARTS.get_or_init(|| {
        let ensure = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/ensure");
        let folder = Command::new(ensure).arg("argocd").stderr(Stdio::inherit()).output().unwrap();
        assert!(folder.status.success(), "deploy/argocd can't be tested without argocd-lua, and it could not be built");
        String::from_utf8(folder.stdout).unwrap().trim().into()
    })
}

#[test]
fn a_script_has_what_argocd_gives_it_and_nothing_more() {
    let probe = Path::new(env!("CARGO_TARGET_TMPDIR")).join("argocd-probe.lua");
    let given = "return {table = type(table.insert), ipairs = type(ipairs), date = type(require('os').date), \
                 os = type(os), exit = type(require('os').exit), io = type(io), string = type(string)}";
    std::fs::write(&probe, given).unwrap();
    let function = "function";
    assert_eq!(
        run(probe.to_str().unwrap(), &serde_json::json!({})),
        serde_json::json!({"table": function, "ipairs": function, "date": function,
            "os": "nil", "exit": "nil", "io": "nil", "string": "nil"})
    );
}
