//! The real `osp` on real files.

mod as_kubectl;
mod audit;
mod bad_input;
mod excluding;
mod field;
mod habits;
mod limits;
mod longest;
mod nothing;
mod outputs;
#[cfg(unix)]
mod permissions;
mod random;
mod seeds;
mod sound;
mod validate;
mod verbs;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

/// A folder that goes when the test ends; `osp` runs in it.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("osp-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// With one file, `a.yaml`.
    pub fn with(content: impl AsRef<[u8]>) -> Self {
        let folder = Self::new();
        folder.write("a.yaml", content);
        folder
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        let path = self.0.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_osp"));
        command.args(arguments).current_dir(&self.0).stdin(Stdio::null());
        command
    }

    pub fn osp(&self, arguments: &[&str]) -> Ran {
        Ran::from(self.command(arguments).output().unwrap())
    }

    /// With `input` piped in.
    pub fn osp_with(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        std::thread::scope(|scope| {
            // it may have read enough before the end
            scope.spawn(move || stdin.write_all(input).ok());
            Ran::from(child.wait_with_output().unwrap())
        })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What a run said.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let ran = Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
        [&ran.out, &ran.err].iter().for_each(|text| crate::canary::assert_none("the output", text));
        ran
    }
}

/// A valid resource.
pub fn policy(name: &str, organization: &str) -> String {
    format!(
        "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy\nmetadata: {{name: {name}}}\nspec:\n  \
         organization: {{{organization}}}\n  policy: {{policySource: APPLICATION}}\n"
    )
}
