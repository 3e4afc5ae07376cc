//! The verbs of `osp` that look at a cluster, as `kubectl osp` too: what is
//! there, why it is so, and what to do about it.
