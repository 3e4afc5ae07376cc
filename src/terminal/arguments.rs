//! Parses the arguments of the programs: flags before and after the verb, and environment variables,
//! of which an empty one counts as unset.

use super::{Exit, foreign, near};
use clap::{
    Arg, ArgAction, ArgMatches, Command, Error,
    error::{ContextKind, ContextValue, ErrorKind},
};
use std::{env, ffi::OsString};

/// Parses `arguments`, the first of which is the program's name.
pub fn parse<T: clap::FromArgMatches>(command: Command, arguments: Vec<OsString>) -> Result<T, Error> {
    let command = without_empty_variables(command);
    let arguments = with_two_dashes(&command, arguments);
    let arguments = without_empty_values(&command, without_levels(&command, arguments));
    let arguments = verb_first(&command, without_booleans(&command, arguments));
    let matches: ArgMatches = command
        .clone()
        .try_get_matches_from(&arguments)
        .map_err(|error| with_usage(with_instead(without_far_suggestions(error)), &command, &arguments))?;
    T::from_arg_matches(&matches).map_err(|error| error.format(&mut command.clone()))
}

/// Removes the suggestions that are not near what was typed: clap's own measure takes `check` for `schema`.
fn without_far_suggestions(mut error: Error) -> Error {
    for (typed, suggested) in [
        (ContextKind::InvalidSubcommand, ContextKind::SuggestedSubcommand),
        (ContextKind::InvalidArg, ContextKind::SuggestedArg),
        (ContextKind::InvalidValue, ContextKind::SuggestedValue),
    ] {
        let Some(ContextValue::String(typed)) = error.get(typed).cloned() else { continue };
        let is_near =
            |name: &str| !near(typed.trim_start_matches('-'), [name.trim_start_matches('-')].into_iter()).is_empty();
        let kept = match error.remove(suggested) {
            Some(ContextValue::String(name)) if is_near(&name) => ContextValue::String(name),
            Some(ContextValue::Strings(names)) => {
                ContextValue::Strings(names.into_iter().filter(|name| is_near(name)).collect())
            }
            _ => continue,
        };
        if !matches!(&kept, ContextValue::Strings(none) if none.is_empty()) {
            error.insert(suggested, kept);
        }
    }
    error
}

/// Says what `osp` has in the place of what kubectl or Terraform have. Clap's own tip for a flag is to pass it as a
/// value, behind `--`, which nobody means.
fn with_instead(mut error: Error) -> Error {
    let typed = |kind| match error.get(kind) {
        Some(ContextValue::String(typed)) => Some(typed.as_str()),
        _ => None,
    };
    let flag = typed(ContextKind::InvalidArg).filter(|typed| typed.starts_with('-'));
    let is_unknown = error.kind() == ErrorKind::UnknownArgument && flag.is_some();
    let instead = match flag {
        Some(flag) => foreign::flag(flag).filter(|_| is_unknown),
        None => typed(ContextKind::InvalidSubcommand).and_then(foreign::verb),
    };
    let is_empty = |all: &ContextValue| matches!(all, ContextValue::StyledStrs(none) if none.is_empty());
    if is_unknown || error.get(ContextKind::Suggested).is_some_and(is_empty) {
        error.remove(ContextKind::Suggested);
    }
    if let Some(instead) = instead {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![instead.into()]));
    }
    error
}

/// Puts the usage of the verb in the place of one with the suggested flag alone, which clap takes for what was meant.
fn with_usage(mut error: Error, command: &Command, arguments: &[OsString]) -> Error {
    let mut command = command.clone();
    command.build();
    let verb = arguments.get(1).and_then(|verb| command.find_subcommand_mut(verb));
    if let Some(verb) = verb.filter(|_| error.get(ContextKind::Usage).is_some()) {
        error.insert(ContextKind::Usage, ContextValue::StyledStr(verb.render_usage()));
    }
    error
}

/// Prints what is wrong with the arguments, or the help or version that they ask for. Clap's own exit
/// code is 2, which `osp` uses for changes.
pub fn print_usage(error: &Error) -> Exit {
    drop(error.print());
    if error.use_stderr() { Exit::Failure } else { Exit::Success }
}

fn without_empty_variables(command: Command) -> Command {
    let is_empty = |arg: &Arg| arg.get_env().and_then(env::var_os).is_some_and(|value| value.is_empty());
    let command = command.mut_args(|arg| if is_empty(&arg) { arg.env(None::<&'static str>) } else { arg });
    command.mut_subcommands(without_empty_variables)
}

/// Puts a second dash before the name of a long flag, as Terraform's are written: `-auto-approve`, `-out=FILE`.
fn with_two_dashes(command: &Command, mut arguments: Vec<OsString>) -> Vec<OsString> {
    for argument in arguments.iter_mut().take_while(|argument| *argument != "--") {
        let Some(text) = argument.to_str().and_then(|text| text.strip_prefix('-')) else { continue };
        let name = text.split('=').next().unwrap_or_default();
        let long = format!("--{name}");
        let is_known = find(command, &long).is_some() || foreign::flag(&long).is_some();
        if name.len() > 1 && !name.starts_with('-') && is_known {
            *argument = format!("--{text}").into();
        }
    }
    arguments
}

/// Takes the value from a flag that has none here and one in kubectl, as `--watch=false`: one that is false goes. A flag
/// with an environment variable keeps it, and is refused, since the variable might say otherwise.
fn without_booleans(command: &Command, arguments: Vec<OsString>) -> Vec<OsString> {
    let mut ended = false;
    let plain = |argument: OsString| {
        ended |= argument == "--";
        let Some((flag, value)) = argument.to_str().and_then(|text| text.split_once('=')).filter(|_| !ended) else {
            return Some(argument);
        };
        let is_plain = |arg: &Arg| matches!(arg.get_action(), ArgAction::SetTrue) && arg.get_env().is_none();
        if !find(command, flag).is_some_and(is_plain) {
            return Some(argument);
        }
        match value {
            "true" | "True" | "TRUE" | "t" | "T" | "1" => Some(flag.into()),
            "false" | "False" | "FALSE" | "f" | "F" | "0" => None,
            _ => Some(argument),
        }
    };
    arguments.into_iter().filter_map(plain).collect()
}

/// The flags of which kubectl takes an empty value for none, as scripts write them: `--context "$CONTEXT"`.
const EMPTY_IS_UNSET: [&str; 9] =
    ["namespace", "context", "cluster", "user", "as", "as-group", "kubeconfig", "request-timeout", "selector"];

fn without_empty_values(command: &Command, mut arguments: Vec<OsString>) -> Vec<OsString> {
    let mut n = 1;
    while let Some(text) = arguments.get(n).map(|argument| argument.to_string_lossy().into_owned()) {
        let (flag, value) = text.split_once('=').map_or((text.as_str(), None), |(flag, value)| (flag, Some(value)));
        let is_meant = |arg: &Arg| arg.get_long().is_some_and(|long| EMPTY_IS_UNSET.contains(&long));
        let is_meant = flag.starts_with('-') && find(command, flag).is_some_and(is_meant);
        let last = if value.is_none() { n + 1 } else { n };
        let is_empty = value.map_or_else(|| arguments.get(last).is_some_and(|next| next.is_empty()), str::is_empty);
        match is_meant {
            _ if text == "--" => break,
            true if is_empty => drop(arguments.drain(n..=last)),
            true => n = last + 1,
            false => n += 1,
        }
    }
    arguments
}

/// Repeats a flag that is counted here and has a level in kubectl: `-v=6`, `-v6` and `-v 6` show the requests as `-v`
/// does, and from 8 on more is shown, as with `-vv`.
fn without_levels(command: &Command, arguments: Vec<OsString>) -> Vec<OsString> {
    let is_counted = |flag: &str| {
        let flag = if flag == "--v" { "-v" } else { flag };
        find(command, flag).is_some_and(|arg| matches!(arg.get_action(), ArgAction::Count))
    };
    let level = |text: &str| text.parse::<u8>().ok().filter(|_| text.len() <= 2);
    let times = |level: u8| if level < 6 { 0 } else { usize::from(level >= 8) + 1 };
    let (mut rest, mut ended) = (arguments.into_iter().peekable(), false);
    let mut all = Vec::new();
    while let Some(argument) = rest.next() {
        ended |= argument == "--";
        let text = argument.to_str().filter(|text| text.starts_with('-') && !ended).unwrap_or_default();
        let (flag, value) = match text.split_once('=') {
            Some((flag, value)) => (flag, Some(value)),
            None if text.starts_with("--") || text.len() < 3 => (text, None),
            None => text.split_at_checked(2).map_or((text, None), |(flag, value)| (flag, Some(value))),
        };
        let next = || rest.peek().and_then(|next| level(next.to_str()?));
        let found = if is_counted(flag) { value.map_or_else(next, level) } else { None };
        match found {
            Some(level) => {
                if value.is_none() {
                    rest.next();
                }
                all.extend(vec![OsString::from("-v"); times(level)]);
            }
            None => all.push(argument),
        }
    }
    all
}

/// Moves the flags before the verb behind it, where they belong: `osp -n customers status`.
fn verb_first(command: &Command, mut arguments: Vec<OsString>) -> Vec<OsString> {
    let mut verb = 1;
    while let Some(flag) = arguments.get(verb).map(|argument| argument.to_string_lossy().into_owned()) {
        if !flag.starts_with('-') {
            if verb > 1 && command.find_subcommand(&flag).is_some() {
                arguments.get_mut(1..=verb).unwrap_or_default().rotate_right(1);
            }
            break;
        }
        if matches!(flag.as_str(), "-" | "--" | "-V" | "--version") {
            break;
        }
        verb += if takes_value(command, &flag) { 2 } else { 1 };
    }
    arguments
}

/// Whether the argument after `flag` is its value, for any verb.
fn takes_value(command: &Command, flag: &str) -> bool {
    let takes = |arg: &Arg| arg.get_action().takes_values() && !arg.is_require_equals_set();
    find(command, flag).is_some_and(takes)
}

/// The flag of this name, of any verb.
fn find<'a>(command: &'a Command, flag: &str) -> Option<&'a Arg> {
    let is_named = |arg: &&Arg| match flag.strip_prefix("--") {
        Some(long) => arg.get_long() == Some(long) || arg.get_all_aliases().is_some_and(|all| all.contains(&long)),
        None => flag.chars().count() == 2 && arg.get_short() == flag.chars().nth(1),
    };
    command.get_arguments().chain(command.get_subcommands().flat_map(Command::get_arguments)).find(is_named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program() -> Command {
        let namespace = Arg::new("namespace").short('n').long("namespace");
        let wait = Arg::new("wait").long("wait").num_args(0..=1).require_equals(true);
        let all = Arg::new("all").short('A').action(clap::ArgAction::SetTrue);
        Command::new("osp")
            .arg(Arg::new("level").long("level"))
            .subcommand(Command::new("status").args([namespace, wait, all]).arg(Arg::new("name")))
    }

    #[test]
    fn only_what_is_near_is_suggested() {
        let said = |typed: &str| {
            let command = Command::new("osp").subcommands(["validate", "schema", "status"].map(Command::new));
            command.try_get_matches_from(["osp", typed]).map_err(without_far_suggestions).unwrap_err().to_string()
        };
        assert!(said("check").contains("unrecognized subcommand 'check'") && !said("check").contains("schema"));
        assert!(said("statsu").contains("status") && said("validte").contains("validate"));
    }

    #[test]
    fn the_usage_is_that_of_the_verb() {
        let said = |typed: &str| {
            let typed = words(typed);
            let error = program().try_get_matches_from(&typed).unwrap_err();
            with_usage(error, &program(), &typed).to_string()
        };
        for typed in ["osp status --namespac x", "osp status a b", "osp status --unknown"] {
            assert!(said(typed).contains("Usage: osp status [OPTIONS] [name]\n"), "{}", said(typed));
        }
    }

    #[test]
    fn what_kubectl_and_terraform_have_is_answered_with_what_osp_has() {
        let said = |typed: &str| {
            let typed = words(typed);
            let program = program().mut_subcommand("status", |status| status.arg(Arg::new("paths").num_args(0..)));
            let typed = with_two_dashes(&program, typed);
            with_instead(program.try_get_matches_from(typed).unwrap_err()).to_string()
        };
        for (typed, instead) in [
            ("osp get", "osp status"),
            ("osp destroy", "--prune"),
            ("osp status --dry-run=client", "osp plan"),
            ("osp status -k x", "kubectl kustomize"),
            ("osp status -no-color", "NO_COLOR"),
            ("osp status -detailed-exitcode x", "exits with 2"),
        ] {
            let said = said(typed);
            assert!(said.contains("tip: ") && said.contains(instead), "{typed}: {said}");
        }
        assert!(!said("osp status --unknown").contains("tip"), "{}", said("osp status --unknown"));
    }

    #[test]
    fn long_flags_may_have_one_dash_and_short_ones_stay_as_they_are() {
        for (given, expected) in [
            ("osp status -namespace=x", "osp status --namespace=x"),
            ("osp -namespace x status", "osp --namespace x status"),
            ("osp status -nx -A --wait -other", "osp status -nx -A --wait -other"),
            ("osp status -- -namespace", "osp status -- -namespace"),
        ] {
            assert_eq!(with_two_dashes(&program(), words(given)), words(expected), "{given}");
        }
    }

    #[test]
    fn a_flag_may_have_a_boolean_as_with_kubectl() {
        let quiet = Arg::new("quiet").long("quiet").env("OSP_TEST_QUIET").action(ArgAction::SetTrue);
        let command = program().mut_subcommand("status", |status| status.arg(quiet));
        for (given, expected) in [
            ("osp status -A=true x", "osp status -A x"),
            ("osp status -A=false x", "osp status x"),
            ("osp -A=1 status", "osp -A status"),
            ("osp status -A=maybe", "osp status -A=maybe"),
            ("osp status -n=false --wait=false", "osp status -n=false --wait=false"),
            ("osp status --quiet=false", "osp status --quiet=false"),
            ("osp status -- -A=false", "osp status -- -A=false"),
        ] {
            assert_eq!(without_booleans(&command, words(given)), words(expected), "{given}");
        }
    }

    fn words(text: &str) -> Vec<OsString> {
        text.split(' ').map(|word| OsString::from(word.trim_matches('\''))).collect()
    }

    #[test]
    fn an_empty_value_of_a_flag_of_kubectl_is_none() {
        for (given, expected) in [
            ("osp -n '' status --namespace= x", "osp status x"),
            ("osp status -n=", "osp status"),
            ("osp status -n x '' -n", "osp status -n x '' -n"),
            ("osp --level '' status", "osp --level '' status"),
            ("osp status -- -n ''", "osp status -- -n ''"),
        ] {
            assert_eq!(without_empty_values(&program(), words(given)), words(expected), "{given}");
        }
    }

    #[test]
    fn the_level_of_kubectl_is_how_often_verbose_is_given() {
        let verbose = Arg::new("verbose").short('v').long("verbose").action(ArgAction::Count);
        let command = program().mut_subcommand("status", |status| status.arg(verbose));
        for (given, expected) in [
            ("osp status -v=6 x", "osp status -v x"),
            ("osp -v6 status", "osp -v status"),
            ("osp status --v=8", "osp status -v -v"),
            ("osp status -v 9 acme", "osp status -v -v acme"),
            ("osp status --v 4 acme", "osp status acme"),
            ("osp status --verbose=6", "osp status -v"),
            ("osp status -v acme", "osp status -v acme"),
            ("osp status -vv -v 100 -v=x", "osp status -vv -v 100 -v=x"),
            ("osp status -n 6 -- -v 6", "osp status -n 6 -- -v 6"),
        ] {
            assert_eq!(without_levels(&command, words(given)), words(expected), "{given}");
        }
    }

    #[test]
    fn flags_before_the_verb_are_flags_of_the_verb() {
        for (given, parsed) in [
            ("osp -n customers status acme", "osp status -n customers acme"),
            ("osp --namespace customers -A status", "osp status --namespace customers -A"),
            ("osp --namespace=customers status", "osp status --namespace=customers"),
            ("osp -ncustomers status", "osp status -ncustomers"),
            ("osp --wait status", "osp status --wait"),
            ("osp --level 1 status", "osp status --level 1"),
            ("osp --unknown status", "osp status --unknown"),
            ("osp status -n customers", "osp status -n customers"),
            ("osp -n status", "osp -n status"),
            ("osp -n customers other", "osp -n customers other"),
            ("osp --version status", "osp --version status"),
            ("osp -n", "osp -n"),
            ("osp", "osp"),
        ] {
            let arguments = words(given);
            let expected = words(parsed);
            assert_eq!(verb_first(&program(), arguments), expected, "{given}");
        }
    }
}
