//! Reads files into manifests and diagnostics; every verb of files starts with it.

use super::document::{Document, ReadError};
use super::duplicates::Claims;
use super::loaded::{Loaded, error, location};
use super::resource::{self, Resource};
use super::source::{self, Search, Source};
use super::tree::{Node, Position};
use super::yaml;
use super::{Limits, Manifest, suggest};
use crate::{
    crd::{self, RuleId, Violation},
    gitops::{Diagnostic, Options, Rule, diagnostic::printable, options::TooLong},
    policy::ValidatedSpec,
};
use serde_json::Value;
use std::{
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Reads files, folders and, for `-`, `stdin`, within `limits`. Uses no network.
pub fn load(paths: &[PathBuf], stdin: &mut dyn Read, limits: &Limits) -> Loaded {
    load_with(paths, stdin, &Options::default(), limits)
}

/// The same with what `options` ask for.
pub fn load_with(paths: &[PathBuf], stdin: &mut dyn Read, options: &Options, limits: &Limits) -> Loaded {
    let mut loader = Loader {
        loaded: Loaded::default(),
        claims: Claims::default(),
        options,
        limits,
        bytes: limits.total_bytes,
        documents: limits.documents,
        limit_reached: false,
        named: true,
        foreign: false,
        no_objects: Vec::new(),
    };
    let mut search = Search::without(&options.exclude);
    for path in paths {
        loader.path(path, &mut search, stdin);
    }
    loader.loaded.excluded = search.excluded;
    loader.loaded
}

/// What a file of our kind contains, in lower case. A file of a folder that contains neither is another
/// tool's, as a chart's template is, and may be no YAML.
const MENTIONS: [&str; 2] = ["scalekit.com", "organizationsessionpolic"];

/// The documents of `text` as JSON, as kubectl reads them; an error for one that kubectl may not read or
/// reads otherwise.
pub fn documents(text: &str) -> Vec<Result<Value, String>> {
    let mut all = Vec::new();
    yaml::read(text, &Limits::default(), &mut |next| {
        all.push(match next {
            Ok(document) => doubtless(&document),
            Err(error) => Err(error.message),
        });
        true
    });
    all
}

fn doubtless(document: &Document) -> Result<Value, String> {
    let mut doubts: Vec<String> = document.doubts.iter().map(|(_, message, _)| (*message).to_owned()).collect();
    doubts.extend(document.repeats.iter().map(|(key, ..)| format!("{key} twice")));
    resource::ambiguities(&document.root, "", &mut |_, _, ambiguity| doubts.push(ambiguity.message));
    if doubts.is_empty() { Ok(resource::json(&document.root)) } else { Err(doubts.join("; ")) }
}

/// The most diagnostics of one rule in one resource, since finding the position of each takes time.
const MOST_PER_RESOURCE: usize = 100;

struct Loader<'a> {
    loaded: Loaded,
    claims: Claims,
    options: &'a Options,
    limits: &'a Limits,
    /// How many more bytes and documents may be read.
    bytes: usize,
    documents: usize,
    /// A limit of all input together is reached, so nothing more is read.
    limit_reached: bool,
    /// The present file is named itself, and not found below a folder.
    named: bool,
    /// It is found below a folder and does not mention our kind.
    foreign: bool,
    /// Where its documents begin that kubectl takes for no object.
    no_objects: Vec<Position>,
}

impl Loader<'_> {
    fn path(&mut self, path: &Path, search: &mut Search, stdin: &mut dyn Read) {
        self.named = !path.is_dir();
        let (mut files, excluded) = (0, search.excluded.len());
        search.at(path, &mut |found| {
            files += 1;
            match found {
                _ if self.limit_reached => {}
                Ok(source) => self.file(&source, stdin),
                Err((name, error)) => self.report_error(&name.into(), &error),
            }
        });
        if files == 0 && search.excluded.len() == excluded && !search.already_read && !self.limit_reached {
            let (message, fix) = ("no file below it ends with .yaml, .yml or .json", "name a folder of manifests");
            self.report(Rule::Empty, &source::name(path).into(), Position::START, message, Some(fix));
        }
    }

    fn file(&mut self, source: &Source, stdin: &mut dyn Read) {
        let file = source.name.as_str().into();
        self.foreign = !self.named && !source::mentions(source, &MENTIONS);
        let text = match source::text(source, stdin, self.limits, self.bytes) {
            Ok(text) => text,
            Err(error) => {
                self.limit_reached |= error.rule == Rule::Limit && self.bytes < self.limits.file_bytes;
                return self.report_error(&file, &error);
            }
        };
        self.bytes = self.bytes.saturating_sub(text.len());
        let (first, resources) = (self.loaded.diagnostics.len(), self.loaded.resources);
        yaml::read(&text, self.limits, &mut |next| self.document(&file, next));
        let beside = std::mem::take(&mut self.no_objects);
        if self.loaded.resources > resources && !self.limit_reached {
            self.no_objects_beside_a_policy(&file, first, &beside);
        }
    }

    /// kubectl fails at such a document, and so at what is in the file with it. In a file without a policy it may be
    /// another tool's, as a chart's values are.
    fn no_objects_beside_a_policy(&mut self, file: &Arc<str>, first: usize, beside: &[Position]) {
        for at in beside.iter().take(MOST_PER_RESOURCE) {
            let message =
                "kubectl refuses this document: it is no map with apiVersion and kind, or a List without items";
            self.report(Rule::WrongKind, file, *at, message, Some("remove it, or move it to a file without policies"));
        }
        if let Some(found) = self.loaded.diagnostics.get_mut(first..).filter(|_| !beside.is_empty()) {
            found.sort_by(|a, b| a.location.cmp(&b.location));
        }
    }

    /// Handles one document or error; returns whether to go on with the next.
    fn document(&mut self, file: &Arc<str>, next: Result<Document, ReadError>) -> bool {
        let at = next.as_ref().map_or_else(|error| error.at, |document| document.root.at);
        if self.documents == 0 {
            let message = format!("there are more than {} documents", self.limits.documents);
            self.report(Rule::Limit, file, at, &message, Some("name fewer files at a time"));
            self.limit_reached = true;
            return false;
        }
        self.documents -= 1;
        match next {
            Ok(document) => self.contents(file, &document),
            Err(error) => self.report_error(file, &error),
        }
        self.has_room(file, at)
    }

    fn contents(&mut self, file: &Arc<str>, document: &Document) {
        if resource::is_saved_plan(&document.root) {
            let message = "this is a plan that osp plan --save wrote, not a manifest; osp apply --plan FILE applies it";
            let plan = error(Rule::WrongKind, file, document.root.at, message, None);
            let told = if self.named { &mut self.loaded.diagnostics } else { &mut self.loaded.unread };
            return told.push(plan);
        }
        if self.foreign && !resource::has_ours(&document.root) {
            return resource::resources(&document.root, &mut |_| self.loaded.skipped += 1);
        }
        if !resource::is_object(&document.root) {
            self.no_objects.push(document.root.at);
        }
        let first = self.loaded.diagnostics.len();
        for (key, before, again) in document.repeats.iter().take(self.limits.diagnostics) {
            let message = format!("the key {} is in this map already", printable(key));
            let diagnostic = Diagnostic::new(Rule::DuplicateKey, location(file, *again), "", &message);
            let fix = Some("remove one of the two".into());
            self.loaded.diagnostics.push(diagnostic.fix(fix).other(location(file, *before)));
        }
        if resource::has_ours(&document.root) {
            for (at, message, fix) in document.doubts.iter().take(MOST_PER_RESOURCE) {
                self.report(Rule::AmbiguousValue, file, *at, message, Some(fix));
            }
        }
        if let Some((head, typed)) = resource::head_of_list(&document.root) {
            let violations = crd::check_list(&head, typed);
            let shown = violations.iter().take(MOST_PER_RESOURCE);
            self.loaded.diagnostics.extend(shown.map(|violation| diagnostic(file, &document.root, violation)));
        }
        resource::resources(&document.root, &mut |resource| match resource {
            Resource::Ours(node) => self.resource(file, node, resource::json),
            Resource::OfList(node) => self.resource(file, node, resource::json_of_item),
            Resource::Other => self.loaded.skipped += 1,
            Resource::Misplaced(node) => {
                let message = "kubectl refuses a list here";
                self.report(Rule::WrongKind, file, node.at, message, Some("write each of its items as a document"));
            }
            Resource::Hiding(node) => {
                let message = "kubectl creates what is below items whatever the kind is, so there is a policy here";
                self.report(Rule::WrongKind, file, node.at, message, Some("write each of its items as a document"));
            }
            Resource::Nameless(node) => {
                let message = "kubectl refuses a list with an item that has no apiVersion or no kind";
                self.report(Rule::WrongKind, file, node.at, message, Some("remove the item, or name both"));
            }
            Resource::Text(node) => {
                let message = "this is a text, not a map with apiVersion, kind, metadata and spec";
                self.report(Rule::WrongKind, file, node.at, message, Some("name files of manifests only"));
            }
        });
        if let Some(found) = self.loaded.diagnostics.get_mut(first..) {
            found.sort_by(|a, b| a.location.cmp(&b.location));
        }
    }

    fn resource(&mut self, file: &Arc<str>, node: &Node, json: fn(&Node) -> Value) {
        if self.limit_reached {
            return;
        }
        if self.loaded.resources == self.limits.resources {
            let message = format!("there are more than {} resources", self.limits.resources);
            self.report(Rule::Limit, file, node.at, &message, Some("name fewer files at a time"));
            self.limit_reached = true;
            return;
        }
        self.loaded.resources += 1;
        if self.loaded.diagnostics.len() >= self.limits.diagnostics {
            return;
        }
        if node.count() > self.limits.resource_nodes {
            let message = format!("a resource of more than {} keys and values", self.limits.resource_nodes);
            return self.report(Rule::Limit, file, node.at, &message, Some("remove what is no part of it"));
        }
        let mut ambiguities = Vec::new();
        resource::ambiguities(node, "", &mut |at, path, ambiguity| {
            if ambiguities.len() < MOST_PER_RESOURCE {
                let diagnostic = Diagnostic::new(Rule::AmbiguousValue, location(file, at), path, &ambiguity.message);
                ambiguities.push(diagnostic.fix(Some(ambiguity.fix)));
            }
        });
        self.loaded.diagnostics.extend(ambiguities);
        match crd::read(&json(node)) {
            Ok(spec) => self.manifest(file, node, spec),
            Err(violations) => {
                let shown = violations.iter().take(MOST_PER_RESOURCE);
                self.loaded.diagnostics.extend(shown.map(|violation| diagnostic(file, node, violation)));
            }
        }
    }

    fn manifest(&mut self, file: &Arc<str>, node: &Node, spec: ValidatedSpec) {
        let text = |path: &[&str]| {
            let found = path.iter().try_fold(node, |node, field| node.get(field));
            found.and_then(Node::text).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let manifest = Manifest {
            location: location(file, node.at),
            namespace: text(&["metadata", "namespace"]),
            name: text(&["metadata", "name"]).unwrap_or_default(),
            spec,
            removed: false,
        };
        let too_long = self.options.too_long(&manifest.spec);
        let is_valid = too_long.is_empty();
        for TooLong { field, message, fix } in too_long {
            let path = format!("spec.policy.{field}");
            let diagnostic = Diagnostic::new(Rule::TooLong, location(file, node.locate(&path)), &path, &message);
            self.loaded.diagnostics.push(diagnostic.fix(Some(fix)));
        }
        let name = location(file, node.locate("metadata.name"));
        let organization = location(file, node.locate("spec.organization"));
        self.loaded.diagnostics.extend(self.claims.add(&manifest, name, organization));
        if is_valid {
            self.loaded.manifests.push(manifest);
        }
    }

    /// Whether the limit of diagnostics allows more; if not, adds a last one that says so.
    fn has_room(&mut self, file: &Arc<str>, at: Position) -> bool {
        if self.loaded.diagnostics.len() >= self.limits.diagnostics {
            self.loaded.diagnostics.truncate(self.limits.diagnostics);
            self.report(Rule::Limit, file, at, "there are too many findings; the rest is not read", None);
            self.limit_reached = true;
        }
        !self.limit_reached
    }

    fn report_error(&mut self, file: &Arc<str>, error: &ReadError) {
        if self.foreign && error.rule != Rule::Unreadable {
            return self.loaded.unread.push(self::error(error.rule, file, error.at, &error.message, None));
        }
        self.report(error.rule, file, error.at, &error.message, error.fix);
    }

    fn report(&mut self, rule: Rule, file: &Arc<str>, at: Position, message: &str, fix: Option<&str>) {
        self.loaded.diagnostics.push(error(rule, file, at, message, fix));
    }
}

fn diagnostic(file: &Arc<str>, node: &Node, violation: &Violation) -> Diagnostic {
    let rule = suggest::rule(violation);
    let at = match rule {
        Rule::UnknownField => node.locate_key(&violation.path),
        _ => node.locate(&violation.path),
    };
    let mut diagnostic = Diagnostic::new(rule, location(file, at), &violation.path, &violation.message);
    if let RuleId::Policy(id) = violation.rule {
        diagnostic.id = id;
    }
    diagnostic.fix(suggest::suggest(violation, node.find(&violation.path).and_then(Node::text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gitops::Location;
    use std::fs;

    /// What is said of `files` in a folder, as rule and file.
    fn reported(files: &[(&str, &str)], limits: &Limits) -> Vec<(&'static str, String)> {
        let id = std::thread::current().id();
        let folder = std::env::temp_dir().join(format!("osp-load-{}-{id:?}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let paths = files.iter().map(|(name, content)| {
            let path = folder.join(name);
            fs::write(&path, content).unwrap();
            path
        });
        let loaded = load(&paths.collect::<Vec<_>>(), &mut std::io::empty(), limits);
        fs::remove_dir_all(&folder).unwrap();
        let file = |location: &Location| Path::new(&*location.file).file_name().unwrap().to_string_lossy().into_owned();
        loaded.diagnostics.iter().map(|diagnostic| (diagnostic.rule.name(), file(&diagnostic.location))).collect()
    }

    #[test]
    fn a_limit_of_all_input_ends_the_run_and_is_reported_once() {
        let files = [("a", "a: 1"), ("b", "b: 1\n---\nb: 2"), ("c", "c: 1")];
        let limits = Limits { total_bytes: 6, ..Limits::default() };
        assert_eq!(reported(&files, &limits), [("limit", "b".into())]);
        let limits = Limits { documents: 2, ..Limits::default() };
        assert_eq!(reported(&files, &limits), [("limit", "b".into())]);
        let ours = "{apiVersion: scalekit.com/v1alpha1, kind: OrganizationSessionPolicy}";
        let ours = &format!("apiVersion: v1\nkind: List\nitems: [{ours}, {ours}, {ours}]\n");
        let limits = Limits { resources: 1, ..Limits::default() };
        let limited = |reported: &[(&str, String)]| reported.iter().filter(|(rule, _)| *rule == "limit").count();
        let found = reported(&[("a", ours), ("b", ours)], &limits);
        assert_eq!((limited(&found), found.iter().all(|(_, file)| file == "a")), (1, true), "{found:?}");
    }

    #[test]
    fn a_limit_of_one_file_is_reported_for_each_and_the_others_are_read() {
        let files = [("a", "a: 1  "), ("b", "'"), ("c", "c: 1  "), ("d", "")];
        let limits = Limits { file_bytes: 4, ..Limits::default() };
        let expected = [("limit", "a"), ("syntax", "b"), ("limit", "c")];
        assert_eq!(reported(&files, &limits), expected.map(|(rule, file)| (rule, file.to_owned())));
    }

    #[test]
    fn the_rest_is_not_read_after_too_many_findings() {
        let limits = Limits { diagnostics: 2, ..Limits::default() };
        let expected = [("wrong-kind", "a"), ("wrong-kind", "a"), ("limit", "a")];
        let files = [("a", "x\n---\ny\n---\nz\n"), ("b", "'")];
        assert_eq!(reported(&files, &limits), expected.map(|(rule, file)| (rule, file.to_owned())));
    }

    #[test]
    fn a_finding_says_which_of_the_resources_own_rules_is_broken() {
        let text = "---\n{apiVersion: scalekit.com/v1alpha1, kind: OrganizationSessionPolicy, metadata: {name: A}, \
                    spec: {organization: {id: org_1, externalId: a}, policy: {policySource: APPLICATION}}}";
        let loaded = load(&["-".into()], &mut text.as_bytes(), &Limits::default());
        let ids: Vec<_> = loaded.diagnostics.iter().map(|found| (found.rule.name(), found.id)).collect();
        assert_eq!(ids, [("metadata", "metadata"), ("policy", "organization-one-name")]);
    }
}
