//! What may not be read is reported and hides nothing else. Root may read all, so
//! root lets another user run the binary.

use super::{Folder, Ran, policy};
use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    path::Path,
    process::{Command, Stdio},
};

/// `nobody`, to whom nothing here belongs.
const NOBODY: u32 = 65534;

/// A folder with a valid `a.yaml`, and `osp` as somebody whom modes bind.
struct Closed {
    folder: Folder,
    /// What has a mode, to get its own back.
    changed: Vec<&'static str>,
}

impl Closed {
    fn new() -> Self {
        Self { folder: Folder::new(), changed: Vec::new() }.write("a.yaml", &policy("a", "id: org_1"))
    }

    /// Open to all, whatever the umask.
    fn write(self, path: &str, content: &str) -> Self {
        self.folder.write(path, content);
        for above in Path::new(path).ancestors() {
            fs::set_permissions(self.folder.path().join(above), Permissions::from_mode(0o755)).unwrap();
        }
        self
    }

    /// A file that is a finding when it is read.
    fn file(self, path: &str) -> Self {
        self.write(path, "' OrganizationSessionPolicy")
    }

    fn mode(mut self, path: &'static str, mode: u32) -> Self {
        fs::set_permissions(self.folder.path().join(path), Permissions::from_mode(mode)).unwrap();
        self.changed.push(path);
        self
    }

    fn osp(&self, arguments: &[&str]) -> Ran {
        let root = fs::metadata(self.folder.path()).unwrap().uid() == 0;
        let mut command = if root { self.as_nobody() } else { Command::new(env!("CARGO_BIN_EXE_osp")) };
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        Ran::from(command.output().unwrap())
    }

    /// With a copy, as the folders above the binary may be root's own. `cp` makes
    /// it, since a file that this process had open for writing might still be, in
    /// a child that another test starts just then, and be too busy to run.
    fn as_nobody(&self) -> Command {
        let copy = self.folder.path().join("osp");
        assert!(Command::new("cp").arg(env!("CARGO_BIN_EXE_osp")).arg(&copy).status().unwrap().success());
        fs::set_permissions(&copy, Permissions::from_mode(0o755)).unwrap();
        let mut command = Command::new(copy);
        command.uid(NOBODY).gid(NOBODY);
        command
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        for path in self.changed.iter().rev() {
            let _ = fs::set_permissions(self.folder.path().join(path), Permissions::from_mode(0o755));
        }
    }
}

const DENIED: &str = "1:1: error[unreadable]: cannot be read: Permission denied\n  fix: name a file or folder \
                      that you may read\n";

#[test]
fn a_file_that_may_not_be_read_is_reported_and_the_others_are_checked() {
    let closed = Closed::new().file("b.yaml").mode("b.yaml", 0o000).file("c.yaml");
    let ran = closed.osp(&["validate", "."]);
    assert!(ran.out.starts_with(&format!("./b.yaml:{DENIED}./c.yaml:1:1: error[syntax]")), "{ran:?}");
    assert!(ran.out.ends_with("2 findings in 1 policy\n"), "{ran:?}");
    assert_eq!((ran.code, ran.err.as_str()), (Some(1), ""));
    assert_eq!(closed.osp(&["validate", "b.yaml"]).out, format!("b.yaml:{DENIED}1 finding in 0 policies\n"));
}

#[test]
fn a_folder_that_may_not_be_listed_is_reported_and_the_others_are_checked() {
    for mode in [0o000, 0o111] {
        let closed = Closed::new().file("below/b.yaml").mode("below", mode).file("further/c.yaml");
        let ran = closed.osp(&["validate", "."]);
        assert!(ran.out.starts_with(&format!("./below:{DENIED}./further/c.yaml:1:1: error[syntax]")), "{ran:?}");
        assert!(ran.out.ends_with("2 findings in 1 policy\n"), "{ran:?}");
        assert_eq!(ran.code, Some(1));
    }
    let closed = Closed::new().file("below/b.yaml").mode("below", 0o000);
    assert_eq!(closed.osp(&["validate", "below"]).out, format!("below:{DENIED}1 finding in 0 policies\n"));
    assert_eq!(
        closed.osp(&["validate", "below/b.yaml"]).out,
        format!("below/b.yaml:{DENIED}1 finding in 0 policies\n")
    );
}

#[test]
fn of_a_folder_that_may_be_listed_but_not_entered_every_manifest_and_folder_is_reported() {
    let closed = Closed::new().file("below/b.yaml").file("below/c/d.yaml").file("below/e.txt").mode("below", 0o444);
    let ran = closed.osp(&["validate", "."]);
    assert_eq!(ran.out, format!("./below/b.yaml:{DENIED}./below/c:{DENIED}2 findings in 1 policy\n"));
    assert_eq!(ran.code, Some(1));
}
