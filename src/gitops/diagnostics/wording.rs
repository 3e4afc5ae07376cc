//! The summary and the paths, which several formats share.

use crate::{gitops::Loaded, terminal::counted};

/// The last line: `2 findings in 3 policies, 1 document of other kinds skipped`.
pub(super) fn summary(loaded: &Loaded) -> String {
    let policies = counted(loaded.resources, "policy", "policies");
    let result = match loaded.diagnostics.len() {
        0 => format!("{policies} valid"),
        n => format!("{} in {policies}", counted(n, "finding", "findings")),
    };
    match loaded.skipped {
        0 => result,
        n => format!("{result}, {} of other kinds skipped", counted(n, "document", "documents")),
    }
}

/// The most names of what was left out.
const SHOWN: usize = 10;

/// `left out by --exclude or .ospignore: chart, data/big.json`.
pub(in crate::gitops) fn excluded(loaded: &Loaded) -> Option<String> {
    let names: Vec<&str> = loaded.excluded.iter().take(SHOWN).map(String::as_str).collect();
    let more = loaded.excluded.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!names.is_empty()).then(|| format!("left out by --exclude or .ospignore: {}{more}", names.join(", ")))
}

/// `file` without `.` and double slashes, so that it equals the path that a repository has.
pub(super) fn normalised_path(file: &str) -> String {
    let names: Vec<_> = file.split('/').filter(|name| !matches!(*name, "" | ".")).collect();
    let root = if file.starts_with('/') { "/" } else { "" };
    match names.join("/") {
        path if path.is_empty() && root.is_empty() => ".".into(),
        path => format!("{root}{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::normalised_path;

    #[test]
    fn a_path_is_as_short_as_in_its_repository() {
        for (file, expected) in [
            ("./a.yaml", "a.yaml"),
            (".//a/./b.yaml", "a/b.yaml"),
            ("../a.yaml", "../a.yaml"),
            ("//a//b.yaml", "/a/b.yaml"),
            ("/", "/"),
            ("./", "."),
            ("<stdin>", "<stdin>"),
        ] {
            assert_eq!(normalised_path(file), expected);
        }
    }
}
