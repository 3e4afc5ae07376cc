//! What the help and the manual page of a verb say besides its arguments: examples, exit codes and
//! environment variables.

use clap::{Arg, Command};

/// The parts of the help of one verb that clap does not make.
struct Manual {
    verb: &'static str,
    /// What an example does, and the example.
    examples: &'static [[&'static str; 2]],
    /// The exit codes, other than 0 for success and 1 for nothing but an error.
    exits: &'static [[&'static str; 2]],
    uses: Uses,
}

/// What a verb talks to.
#[derive(Clone, Copy, PartialEq)]
enum Uses {
    /// It prints the same to everybody.
    Nothing,
    Files,
    Scalekit,
    Cluster,
    Both,
}

const NOT_READY: [&str; 2] = ["2", "a policy is not Ready"];

const MANUALS: &[Manual] = &[
    Manual {
        verb: "validate",
        examples: &[
            ["Check all manifests below a folder", "osp validate policies/"],
            ["Check what kustomize builds", "kubectl kustomize overlays/prod | osp validate -"],
            ["Annotate a pull request in GitHub Actions", "osp validate --output github policies/"],
        ],
        exits: &[["1", "a finding, or an error"]],
        uses: Uses::Files,
    },
    Manual {
        verb: "new",
        examples: &[
            ["Sessions of at most 8 hours, and 15 minutes unused", "osp new --org org_12345 --absolute 8h --idle 15m"],
            ["Only report what differs", "osp new acme --external-id tenant-7 --absolute 30d --mode Observe"],
        ],
        exits: &[],
        uses: Uses::Nothing,
    },
    Manual {
        verb: "plan",
        examples: &[
            ["Show what apply would change", "osp plan policies/"],
            ["Fail a pipeline if a change loosens something", "osp plan policies/ --fail-on loosening"],
            ["Save the plan, to apply exactly that", "osp plan policies/ --save plan.json"],
        ],
        exits: &[
            ["1", "an error, or an organization with a problem"],
            ["2", "there are changes"],
            ["3", "a change that --fail-on names"],
        ],
        uses: Uses::Scalekit,
    },
    Manual {
        verb: "apply",
        examples: &[
            ["Apply the manifests of a folder, after a question", "osp apply policies/"],
            ["Apply a saved plan in a pipeline", "osp apply --plan plan.json --yes"],
        ],
        exits: &[
            ["1", "an error, an organization with a problem, or the answer was no"],
            ["3", "more changes than --max-changes or --max-loosening allow; nothing was written"],
            ["130", "stopped by a signal before all was done"],
        ],
        uses: Uses::Scalekit,
    },
    Manual {
        verb: "export",
        examples: &[
            ["Print the manifests of all organizations", "osp export"],
            ["Write a file for each policy that is not inherited", "osp export --only custom --directory policies"],
        ],
        exits: &[],
        uses: Uses::Scalekit,
    },
    Manual {
        verb: "status",
        examples: &[
            ["Show the policies of a namespace", "osp status -n customers"],
            ["Show those of all namespaces, for a program", "osp status -A -o json"],
        ],
        exits: &[["2", "a policy is not Ready, or the operator is gone"]],
        uses: Uses::Cluster,
    },
    Manual {
        verb: "diff",
        examples: &[
            ["Compare with what the operator found last", "osp diff acme -n customers"],
            ["Compare with what is live now", "osp diff acme -n customers --credentials-dir scalekit/"],
        ],
        exits: &[["2", "the policies differ"]],
        uses: Uses::Both,
    },
    Manual {
        verb: "explain",
        examples: &[["Say why a policy is not Ready, and what to do", "osp explain acme -n customers"]],
        exits: &[NOT_READY],
        uses: Uses::Cluster,
    },
    Manual {
        verb: "history",
        examples: &[
            ["Show who changed what, and what was done", "osp history acme -n customers"],
            [
                "Add what the operator's log has, which goes back further than events",
                "osp history acme -n customers --log operator.log",
            ],
        ],
        exits: &[],
        uses: Uses::Cluster,
    },
    Manual {
        verb: "reconcile",
        examples: &[
            ["Reconcile now, and wait for the outcome", "osp reconcile acme -n customers"],
            ["Only ask, for all of a team", "osp reconcile -l team=core --wait=false"],
        ],
        exits: &[["2", "a policy is not Ready, or its reconcile failed"]],
        uses: Uses::Cluster,
    },
    Manual {
        verb: "suspend",
        examples: &[
            ["Stop writing a policy", "osp suspend acme -n customers"],
            ["The same for two hours, and say why", "osp suspend acme -n customers --for 2h --reason INC-42"],
        ],
        exits: &[],
        uses: Uses::Cluster,
    },
    Manual {
        verb: "resume",
        examples: &[["Write it again", "osp resume acme -n customers"]],
        exits: &[],
        uses: Uses::Cluster,
    },
    Manual {
        verb: "version",
        examples: &[["Show the versions of osp, the operators and the definition", "osp version"]],
        exits: &[],
        uses: Uses::Cluster,
    },
    Manual {
        verb: "check",
        examples: &[["Before the install", "osp check --pre"], ["After it", "osp check"]],
        exits: &[["1", "a check failed, or an error"]],
        uses: Uses::Both,
    },
    Manual {
        verb: "support-bundle",
        examples: &[["Show what a bug report would have in it", "osp support-bundle --dry-run"]],
        exits: &[],
        uses: Uses::Both,
    },
    Manual {
        verb: "audit",
        examples: &[
            [
                "Check the writes of the operator",
                "kubectl logs -n session-policy-system deploy/session-policy-operator | osp audit -",
            ],
            ["Check those of two processes together", "osp audit first.log second.log -o json"],
        ],
        exits: &[["1", "a finding, or an error"]],
        uses: Uses::Files,
    },
    Manual {
        verb: "crd",
        examples: &[["Install the definition", "osp crd | kubectl apply -f -"]],
        exits: &[],
        uses: Uses::Nothing,
    },
    Manual {
        verb: "schema",
        examples: &[["Write the schema for an editor", "osp schema > osp.schema.json"]],
        exits: &[],
        uses: Uses::Nothing,
    },
    Manual {
        verb: "completions",
        examples: &[["Complete verbs and flags in this shell", "source <(osp completions bash)"]],
        exits: &[],
        uses: Uses::Nothing,
    },
    Manual {
        verb: "man",
        examples: &[["Read the manual of a verb", "osp man plan | man -l -"]],
        exits: &[],
        uses: Uses::Nothing,
    },
];

/// The exit codes of the program, by verb.
const OF_ALL: &[[&str; 2]] = &[
    ["1", "an error; validate or audit has a finding, or a check failed"],
    ["2", "plan has changes, a policy is not Ready, or diff found a difference"],
    ["3", "plan has a change that --fail-on names, or apply more changes than allowed"],
    ["130", "apply was stopped by a signal"],
];

const CREDENTIALS: [[&str; 2]; 3] = [
    ["SCALEKIT_ENVIRONMENT_URL", "the URL of the environment, unless --credentials-dir has it in a file"],
    ["SCALEKIT_CLIENT_ID", "the id of the API client, likewise"],
    ["SCALEKIT_CLIENT_SECRET", "its secret, likewise"],
];
const KUBECONFIG: [[&str; 2]; 2] = [
    ["KUBECONFIG", "the kubeconfig files, unless --kubeconfig names one"],
    ["HTTPS_PROXY, NO_PROXY", "the proxy towards the API server, unless the kubeconfig names one"],
];
const OUTPUT: [[&str; 2]; 2] = [
    ["NO_COLOR", "if it is not empty, there are no colours"],
    ["COLUMNS", "the width of the output, instead of the terminal's"],
];

/// A titled list of terms and what they mean.
pub struct Section {
    /// In capitals, as in a manual page.
    pub title: &'static str,
    /// Term and meaning.
    pub rows: Vec<[String; 2]>,
}

/// The sections of the verb `command`, or of the program if that is none: exit codes, environment,
/// examples.
pub fn sections(command: &Command) -> Vec<Section> {
    let owned = |rows: &[[&str; 2]]| rows.iter().map(|row| row.map(str::to_owned)).collect::<Vec<_>>();
    let manual = MANUALS.iter().find(|manual| manual.verb == command.get_name());
    let mut exits = owned(&[["0", "success"]]);
    let others = manual.map_or(OF_ALL, |manual| manual.exits);
    if others.first().is_none_or(|[code, _]| *code != "1") {
        exits.extend(owned(&[["1", "an error, or wrong arguments; the standard error says which"]]));
    }
    exits.extend(owned(others));
    let uses = manual.map_or(Uses::Both, |manual| manual.uses);
    let mut environment = Vec::new();
    if matches!(uses, Uses::Scalekit | Uses::Both) {
        environment.extend(owned(&CREDENTIALS));
        environment.extend(owned(&[["SSL_CERT_FILE", "the certificates to trust, in place of the system's"]]));
    }
    if matches!(uses, Uses::Cluster | Uses::Both) {
        environment.extend(owned(&KUBECONFIG));
    }
    environment.extend(command.get_arguments().filter_map(variable));
    if uses != Uses::Nothing {
        environment.extend(owned(&OUTPUT));
    }
    let examples = manual.map_or_else(Vec::new, |manual| owned(manual.examples));
    let all = [("EXIT STATUS", exits), ("ENVIRONMENT", environment), ("EXAMPLES", examples)];
    all.into_iter().filter(|(_, rows)| !rows.is_empty()).map(|(title, rows)| Section { title, rows }).collect()
}

/// The variable that may take the place of an argument.
fn variable(arg: &Arg) -> Option<[String; 2]> {
    let variable = arg.get_env()?.to_string_lossy().into_owned();
    Some([variable, format!("in the place of --{}", arg.get_long()?)])
}

/// Adds the sections of each verb to its help, with `program` in the examples.
pub fn with_manuals(mut command: Command, program: &str) -> Command {
    for manual in MANUALS {
        command = command.mut_subcommand(manual.verb, |verb| {
            let text = sections(&verb).iter().map(|section| help(section, program)).collect::<Vec<_>>().join("\n");
            verb.after_help(text)
        });
    }
    command
}

fn help(section: &Section, program: &str) -> String {
    let rows = &section.rows;
    let term = rows.iter().map(|[term, _]| term.len()).max().unwrap_or_default();
    let title = match section.title {
        "EXIT STATUS" => "Exit codes",
        "ENVIRONMENT" => "Environment",
        _ => "Examples",
    };
    let row = |[term_text, meaning]: &[String; 2]| match section.title {
        "EXAMPLES" => format!("  # {term_text}\n  {}\n", meaning.replace("osp ", &format!("{program} "))),
        _ => format!("  {term_text:term$}  {meaning}\n"),
    };
    format!("{title}:\n{}", rows.iter().map(row).collect::<String>())
}
