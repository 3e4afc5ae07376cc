//! How much input `osp validate` reads: a pipeline checks files of strangers, and must end within a
//! second and in little memory whatever they contain.

/// The limits of one run.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of one file; at most one byte more is read.
    pub file_bytes: usize,
    /// Bytes of all files together.
    pub total_bytes: usize,
    /// How deep maps and lists are nested. A resource needs 4, a list of resources 6.
    pub depth: usize,
    /// Keys, values, maps and lists of one document, with aliases expanded.
    pub nodes: usize,
    /// Keys, values, maps and lists of one resource of our kind.
    pub resource_nodes: usize,
    /// Nodes of one document that are copied for an anchor or by an alias.
    pub copies: usize,
    /// Bytes of the texts in them.
    pub copied_bytes: usize,
    /// Documents of all files together.
    pub documents: usize,
    /// Resources of our kind of all files together.
    pub resources: usize,
    /// Diagnostics of all files together; more usually have one cause.
    pub diagnostics: usize,
}

impl Default for Limits {
    /// Room for 10 000 resources in one file.
    fn default() -> Self {
        Self {
            file_bytes: 8 << 20,
            total_bytes: 64 << 20,
            depth: 64,
            nodes: 500_000,
            resource_nodes: 10_000,
            copies: 50_000,
            copied_bytes: 4 << 20,
            documents: 100_000,
            resources: 50_000,
            diagnostics: 10_000,
        }
    }
}
