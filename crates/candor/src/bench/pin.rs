//! Which cores the server that is measured has, and which the load.

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde::Serialize;

/// The cores of this machine that may be used, divided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Cores {
    /// The one core of what is measured; none when there is but one in all, which everybody shares.
    pub(crate) measured: Option<usize>,
    /// Those of the load.
    pub(crate) load: Vec<usize>,
}

impl Cores {
    /// Gives the first core to what is measured, and this process the others. Threads and processes that come
    /// later inherit that.
    pub(crate) fn divide() -> Result<Self> {
        let allowed = sched_getaffinity(None).context("cannot tell which cores there are")?;
        let cores = Self::of((0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect());
        if cores.measured.is_some() {
            pin(&cores.load)?;
        }
        Ok(cores)
    }

    fn of(mut cores: Vec<usize>) -> Self {
        let measured = (cores.len() > 1).then(|| cores.remove(0));
        Self { measured, load: cores }
    }
}

/// From now on this thread, and whatever it starts, runs on these cores alone.
pub(crate) fn pin(cores: &[usize]) -> Result<()> {
    let mut set = CpuSet::new();
    for core in cores {
        set.set(*core);
    }
    sched_setaffinity(None, &set).context("the system does not let a process choose its cores")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_core_is_shared_and_of_more_the_first_is_measured() {
        assert_eq!(Cores::of(vec![5]), Cores { measured: None, load: vec![5] });
        assert_eq!(Cores::of(vec![2, 3, 7]), Cores { measured: Some(2), load: vec![3, 7] });
    }
}
