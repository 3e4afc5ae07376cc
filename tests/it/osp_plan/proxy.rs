//! The proxy towards Scalekit: only if one is asked for.

use crate::osp::Folder;
use std::{
    io::Read,
    net::TcpListener,
    process::Command,
    thread::{self, JoinHandle},
};

/// What the proxy is asked first; `None` if nobody comes until the program has ended.
fn listen() -> (u16, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    (listener.local_addr().unwrap().port(), listener)
}

fn first(listener: TcpListener) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = [0; 200];
        let read = listener.accept().unwrap().0.read(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..read]).into_owned()
    })
}

fn export(folder: &Folder) -> Command {
    let mut command = folder.command(&["export"]);
    command.env("SCALEKIT_ENVIRONMENT_URL", "https://acme.invalid").env("SCALEKIT_CLIENT_ID", "a");
    command.env("SCALEKIT_CLIENT_SECRET", "b").env("OSP_REQUEST_TIMEOUT", "1s").env_remove("NO_PROXY");
    command
}

#[test]
fn scalekit_is_reached_through_the_proxy_that_is_named() {
    let folder = Folder::new();
    for (setting, variable) in [("", "OSP_PROXY"), ("env", "HTTPS_PROXY")] {
        let (port, listener) = listen();
        let asked = first(listener);
        let mut command = export(&folder);
        command.env(variable, format!("http://user:hunter2@127.0.0.1:{port}"));
        if !setting.is_empty() {
            command.args(["--proxy", setting]);
        }
        let output = command.output().unwrap();
        assert!(!String::from_utf8_lossy(&output.stderr).contains("hunter2"));
        assert!(asked.join().unwrap().starts_with("CONNECT acme.invalid:443 "), "{setting}");
    }
}

#[test]
fn without_the_argument_no_proxy_is_used_and_a_wrong_one_is_named_without_its_password() {
    let folder = Folder::new();
    let (port, listener) = listen();
    let mut command = export(&folder);
    command.env("HTTPS_PROXY", format!("http://127.0.0.1:{port}"));
    assert_eq!(command.output().unwrap().status.code(), Some(1));
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "the proxy was asked");

    let mut command = export(&folder);
    let output = command.env("OSP_PROXY", "user:hunter2@proxy:3128").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("the proxy must be env, or a URL") && !said.contains("hunter2"), "{said}");
    let help = folder.command(&["export", "--help"]).env("OSP_PROXY", "http://u:hunter2@p").output().unwrap();
    assert!(!String::from_utf8(help.stdout).unwrap().contains("hunter2"));
}
