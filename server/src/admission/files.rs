//! The limit on this process's open files.
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit as far as the system allows, and returns the limit now in force.
pub fn raise_file_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = match setrlimit(Resource::Nofile, most) {
        Ok(()) => most.current,
        Err(error) => {
            tracing::warn!(%error, "failed to raise the open file limit");
            limit.current
        }
    };
    // `None` means that there is no limit.
    current.map_or(usize::MAX, |current| usize::try_from(current).unwrap_or(usize::MAX))
}
