//! What people type who know kubectl and Terraform, and files as Windows and templates make them: each is read, or
//! answered with what to do instead.

use super::{Folder, policy};

/// That this command line fails, and what it says then.
#[track_caller]
fn answers(folder: &Folder, line: &str, said: &str) {
    let ran = folder.osp(&line.split(' ').collect::<Vec<_>>());
    assert!(ran.code == Some(1) && ran.err.contains(said), "osp {line}: {}", ran.err);
}

#[test]
fn a_path_that_is_not_there_is_answered_by_what_it_looks_like() {
    let folder = Folder::with(policy("a", "id: org_1"));
    for (path, message, fix) in [
        ("https://example.com/a.yaml", "a URL is not read", "curl -fsSL URL | osp validate -"),
        ("http://127.0.0.1:1/a.yaml", "a URL is not read", "curl"),
        ("policies/*.yml", "no file has a name of this pattern", "check the pattern"),
        ("nope.yaml", "there is no such file or folder", "check the path"),
    ] {
        for verb in [&["validate"][..], &["validate", "-f"]] {
            let ran = folder.osp(&[verb, &[path]].concat());
            let expected = format!("{path}:1:1: error[unreadable]: {message}\n  fix: ");
            assert!(ran.out.starts_with(&expected) && ran.out.contains(fix), "{}", ran.out);
            assert_eq!(ran.code, Some(1), "{path}");
        }
    }
}

#[test]
fn files_are_named_as_with_kubectl() {
    let folder = Folder::with(policy("a", "id: org_1"));
    folder.write("b.yaml", policy("b", "id: org_2"));
    for arguments in
        [&["-f", "a.yaml,b.yaml"][..], &["-f", "a.yaml", "-f", "b.yaml"], &["--filename=a.yaml,b.yaml"], &["-Rf", "."]]
    {
        let ran = folder.osp(&[&["validate"], arguments].concat());
        assert_eq!((ran.code, ran.out.as_str()), (Some(0), "2 policies valid\n"), "{arguments:?}");
    }
}

#[test]
fn flags_and_verbs_of_kubectl_and_terraform_are_answered_with_ours() {
    let folder = Folder::with(policy("a", "id: org_1"));
    for (line, instead) in [
        ("validate -k .", "kubectl kustomize DIR | osp validate -"),
        ("apply -f a.yaml --dry-run=client", "osp plan"),
        ("apply a.yaml -n customers", "in its manifest"),
        ("plan -no-color a.yaml", "NO_COLOR=1"),
        ("plan -detailed-exitcode a.yaml", "exits with 2"),
        ("plan --json a.yaml", "-o json"),
        ("get osp", "osp status"),
        ("describe acme", "osp explain NAME"),
        ("destroy", "--prune"),
        ("import", "osp export"),
    ] {
        let ran = folder.osp(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(ran.code, Some(1), "{line}");
        assert!(ran.err.contains("tip: ") && ran.err.contains(instead), "osp {line}: {}", ran.err);
        assert!(!ran.err.contains("as a value"), "{}", ran.err);
    }
    assert!(!folder.osp(&["plan", "a.yaml", "--nothing"]).err.contains("tip"));
}

#[test]
fn why_scalekit_cannot_be_reached_is_in_the_log_that_the_message_names() {
    let folder = Folder::with(policy("a", "id: org_1"));
    for (url, cause) in [("https://127.0.0.1:1", "Connection refused"), ("https://no-such-host.invalid", "lookup")] {
        let mut command = folder.command(&["plan", "a.yaml", "-vv"]);
        command.env("SCALEKIT_ENVIRONMENT_URL", url).env("SCALEKIT_CLIENT_ID", "a").env("SCALEKIT_CLIENT_SECRET", "b");
        let ran = super::Ran::from(command.output().unwrap());
        assert!(ran.code == Some(1) && ran.out.contains("-vv logs more"), "{ran:?}");
        let logged = ran.err.lines().any(|line| line.contains("no response") && line.contains(cause));
        assert!(logged, "{url}: {}", ran.err);
    }
}

#[test]
fn arguments_that_cannot_be_are_answered_with_what_can() {
    let folder = Folder::with(policy("a", "id: org_1"));
    for (line, said) in [
        ("support-bundle -f -", "a bundle is not printed: name a file"),
        ("validate a.yaml --max-absolute 8", "write whole minutes, such as 24h, 90m or 7d"),
        ("new --org org_1 --absolute 8", "write the unit too: 15m, 8h or 30d"),
        ("new --external-id ä/ö --absolute 8h", "is no name of a resource: give one, as in osp new NAME …"),
        ("suspend acme --for forever", "write a duration such as 90m, 2h or 3d"),
    ] {
        answers(&folder, line, said);
    }
    assert!(folder.osp(&["man", "status"]).out.contains(concat!("osp ", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn a_text_of_wide_characters_is_named_with_its_encoding() {
    let text = policy("a", "id: org_1");
    let wide = |width: usize, big: bool| -> Vec<u8> {
        let zeros = vec![0; width - 1];
        let one = |byte: u8| if big { [&zeros[..], &[byte]].concat() } else { [&[byte], &zeros[..]].concat() };
        text.bytes().flat_map(one).collect()
    };
    for (bytes, name) in [
        (wide(2, false), "UTF-16"),
        (wide(2, true), "UTF-16"),
        ([&[0xff, 0xfe], &wide(2, false)[..]].concat(), "UTF-16"),
        (wide(4, false), "UTF-32"),
        ([&[0xff, 0xfe, 0, 0], &wide(4, false)[..]].concat(), "UTF-32"),
    ] {
        let out = Folder::with(bytes).osp(&["validate", "a.yaml"]).out;
        let expected = format!("a.yaml:1:1: error[encoding]: this is {name}\n  fix: save the file as UTF-8\n");
        assert!(out.starts_with(&expected), "{out}");
    }
}

#[test]
fn templates_and_patches_are_answered_with_what_renders_them() {
    let template = policy("a", "id: org_1").replace("{name: a}", "{name: \"{{ .Release.Name }}\"}");
    let ran = Folder::with(template).osp(&["validate", "."]);
    assert!(ran.code == Some(1) && ran.out.contains("  fix: render the template first: helm template"), "{}", ran.out);
    let patch = "apiVersion: scalekit.com/v1alpha1\nkind: OrganizationSessionPolicy\nmetadata: {name: a}\n\
                 spec: {mode: Observe}\n";
    let ran = Folder::with(patch).osp(&["validate", "."]);
    assert_eq!(ran.out.matches("a patch of a kustomization").count(), 1, "{}", ran.out);
}

#[test]
fn a_template_of_a_policy_is_called_one_with_what_to_do() {
    let folder = Folder::new();
    let plain = policy("a", "id: org_1");
    for template in [
        plain.replace("{name: a}", "{name: {{ .Values.name }}}"),
        format!("{{{{- if .Values.on }}}}\n{plain}{{{{- end }}}}\n"),
        format!("{plain}{{{{- with .Values.more }}}}\n{{{{ toYaml . }}}}\n{{{{- end }}}}\n"),
        plain.replace("id: org_1", "{{- include \"organization\" . }}"),
    ] {
        folder.write("chart/templates/policy.yaml", &template);
        let ran = folder.osp(&["validate", "."]);
        let said = "error[syntax]: this is a template, which is no YAML before it is rendered\n  fix: render it: helm \
                    template CHART | osp validate -, and name the folder of templates in .ospignore\n";
        assert!(ran.code == Some(1) && ran.out.contains(said), "{template}: {}", ran.out);
    }
    folder.write(".ospignore", "templates/\n");
    folder.write("a.yaml", plain);
    assert_eq!(folder.osp(&["validate", "."]).code, Some(0));
}

#[test]
fn an_empty_variable_counts_as_unset_for_libraries_too() {
    let folder = Folder::with(policy("a", "id: org_1"));
    let run = |empty: &[&str]| {
        let mut command = folder.command(&["plan", "a.yaml"]);
        for name in ["SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"] {
            command.env_remove(name);
        }
        for name in empty {
            command.env(name, "");
        }
        command.env("SCALEKIT_ENVIRONMENT_URL", "https://127.0.0.1:1").env("SCALEKIT_CLIENT_ID", "a");
        super::Ran::from(command.env("SCALEKIT_CLIENT_SECRET", "b").output().unwrap())
    };
    let (without, with) = (run(&[]), run(&["SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"]));
    assert!(without.out.contains("Unreachable"), "{without:?}");
    assert_eq!((with.code, with.out, with.err), (without.code, without.out, without.err));
}

#[test]
fn no_message_has_the_number_that_a_system_gives_its_errors() {
    let folder = Folder::with(policy("a", "id: org_1"));
    folder.write("file", "x");
    for line in [
        "validate a.yaml/b",
        "audit nope.log",
        "apply --plan nope.json",
        "status --kubeconfig nope",
        "version --kubeconfig nope",
        "check --pre --kubeconfig nope",
        "history a --kubeconfig nope --log nope",
        "plan a.yaml --last-applied nope",
        "export --directory file/x",
        "plan a.yaml --credentials-dir file",
        "plan a.yaml --save nope/plan.json",
        "support-bundle --kubeconfig nope --yes -f nope/x.tar.gz",
    ] {
        let mut command = folder.command(&line.split(' ').collect::<Vec<_>>());
        command.env("SCALEKIT_ENVIRONMENT_URL", "https://127.0.0.1:1").env("SCALEKIT_CLIENT_ID", "a");
        let ran = super::Ran::from(command.env("SCALEKIT_CLIENT_SECRET", "b").output().unwrap());
        assert!(
            ran.code == Some(1) && !ran.err.contains("os error") && !ran.out.contains("os error"),
            "{line}: {ran:?}"
        );
    }
}

#[test]
fn a_wrong_argument_is_answered_with_the_usage_of_its_verb_and_with_what_is_near() {
    let folder = Folder::new();
    for (line, said) in [
        ("plan --ouput json a.yaml", "Usage: osp plan [OPTIONS] [PATH]..."),
        ("check --crdentials-dir x", "Usage: osp check [OPTIONS]\n"),
        ("new acme --absolute 8h", "<--org <ID>|--external-id <ID>>"),
        ("new --org org_1", "<--absolute <TIME>|--inherit>"),
        ("plna a.yaml", "tip: a similar subcommand exists: 'plan'"),
        ("valdiate a.yaml", "tip: a similar subcommand exists: 'validate'"),
        ("status --wide", "tip: write -o wide"),
        ("explain acme -o json", "tip: `osp status`"),
    ] {
        answers(&folder, line, said);
    }
    assert!(!folder.osp(&["xyzzy"]).err.contains("\n\n\n"), "no line is left of a suggestion that there is not");
    for (verb, alias) in [("apply", "auto-approve"), ("plan", "out"), ("export", "force")] {
        let help = folder.osp(&[verb, "--help"]).out;
        assert!(help.contains(&format!("[alias: {alias}]")) || help.contains(&format!("[alias: --{alias}]")), "{help}");
    }
}

#[test]
fn the_client_s_version_is_printed_without_a_cluster_too() {
    let folder = Folder::new();
    let ran = folder.osp(&["version", "--kubeconfig", "nope"]);
    assert_eq!(ran.out.split_whitespace().collect::<Vec<_>>(), ["Client", env!("CARGO_PKG_VERSION")]);
    assert!(ran.code == Some(1) && ran.err.starts_with("error: ") && ran.err.contains("nope"), "{ran:?}");
    let ran = folder.osp(&["version", "--kubeconfig", "nope", "-o", "yaml"]);
    assert!(ran.code == Some(1) && ran.out.starts_with("client:\n"), "{ran:?}");
}

#[test]
fn check_names_the_folder_of_credentials_that_is_not_there_or_not_whole() {
    let folder = Folder::new();
    folder.write("empty/x", "");
    folder.write("half/SCALEKIT_CLIENT_ID", "a");
    for (path, said) in [
        ("nope", "there is no folder nope"),
        ("empty", "the folder empty has no credentials"),
        ("half", "the folder half has no file SCALEKIT_ENVIRONMENT_URL"),
    ] {
        let ran = folder.osp(&["check", "--pre", "--kubeconfig", "nope.yaml", "--credentials-dir", path]);
        assert!(ran.code == Some(1) && ran.out.contains(said), "{path}: {}", ran.out);
    }
}

#[test]
fn manifests_are_yaml_whether_it_is_asked_for_or_not() {
    let folder = Folder::new();
    let plain = folder.osp(&["new", "--org", "org_1", "--absolute", "8h"]).out;
    assert_eq!(folder.osp(&["new", "--org", "org_1", "--absolute", "8h", "-o", "yaml"]).out, plain);
    let ran = folder.osp(&["new", "--org", "org_1", "--absolute", "8h", "-o", "json"]);
    assert!(ran.code == Some(1) && ran.err.contains("[possible values: yaml]"), "{}", ran.err);
}

#[test]
fn credentials_that_are_not_there_are_named_with_what_to_set() {
    let folder = Folder::with(policy("a", "id: org_1"));
    folder.write("empty/other", "");
    folder.write("half/SCALEKIT_CLIENT_ID", "a");
    let run = |arguments: &[&str], url: Option<&str>| {
        let mut command = folder.command(&[&["plan", "a.yaml"], arguments].concat());
        for name in ["SCALEKIT_ENVIRONMENT_URL", "SCALEKIT_CLIENT_ID", "SCALEKIT_CLIENT_SECRET"] {
            command.env_remove(name);
        }
        if let Some(url) = url {
            command.env("SCALEKIT_ENVIRONMENT_URL", url);
            command.env("SCALEKIT_CLIENT_ID", "a").env("SCALEKIT_CLIENT_SECRET", "b");
        }
        super::Ran::from(command.output().unwrap()).err
    };
    let names = "SCALEKIT_ENVIRONMENT_URL, SCALEKIT_CLIENT_ID, SCALEKIT_CLIENT_SECRET";
    for (arguments, url, said) in [
        (&[][..], None, format!("there are no credentials: set {names}, or name a folder with --credentials-dir")),
        (&["--credentials-dir", "nope"], None, "--credentials-dir: there is no folder nope".to_owned()),
        (&["--credentials-dir", "empty"], None, format!("--credentials-dir: empty has no file of these: {names}")),
        (&[], Some("acme.scalekit.com"), "write it as https://".to_owned()),
        (&[], Some("http://acme.example"), "for tests --allow-http accepts http://".to_owned()),
        (&["--allow-http"], Some("ftp://acme.example"), "write it as http:// or https://".to_owned()),
        (
            &["--credentials-dir", "half"],
            None,
            "--credentials-dir: half has no file SCALEKIT_ENVIRONMENT_URL".to_owned(),
        ),
        (&["--rate-limit", "fast"], None, "write a number from 0.01 to 10000".to_owned()),
        (&["--rate-limit", "0"], None, "write a number from 0.01 to 10000".to_owned()),
    ] {
        let err = run(arguments, url);
        assert!(err.starts_with("error: ") && err.contains(&said), "{arguments:?} {url:?}: {err}");
    }
}
