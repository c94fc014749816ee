//! Every decision of a run, drawn from a seed or read from a script, so that a run can be repeated and shrunk.

/// The decisions of one step.
pub(crate) type Step = Vec<u32>;

/// Makes the decisions of a run. They can be read back, one step at a time, and replayed.
#[derive(Clone, Debug)]
pub(crate) struct Chooser {
    source: Source,
    made: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Source {
    Seed(u64),
    /// Recorded steps, the run's ending last. What they leave open is decided calmly.
    Script(Vec<Step>),
}

impl Chooser {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self { source: Source::Seed(seed), made: vec![] }
    }

    pub(crate) fn scripted(script: Vec<Step>) -> Self {
        Self { source: Source::Script(script), made: vec![] }
    }

    /// Begins a step. Returns `false` if only the ending is left.
    pub(crate) fn begin_step(&mut self, most: usize) -> bool {
        let steps = match &self.source {
            Source::Seed(_) => most,
            Source::Script(script) => script.len().saturating_sub(1),
        };
        let goes_on = self.made.len() < steps;
        self.made.push(vec![]);
        goes_on
    }

    /// Picks one of `n`; 0 is the calmest.
    pub(crate) fn pick(&mut self, n: usize) -> usize {
        let n = u32::try_from(n.max(1)).unwrap_or(u32::MAX);
        let step = self.made.len().saturating_sub(1);
        let place = self.made.last().map_or(0, Vec::len);
        let drawn = match &mut self.source {
            Source::Seed(state) => u32::try_from(split_mix(state) >> 32).unwrap_or_default() % n,
            Source::Script(script) => {
                script.get(step).and_then(|step| step.get(place)).map_or(0, |choice| choice % n)
            }
        };
        if let Some(step) = self.made.last_mut() {
            step.push(drawn);
        }
        usize::try_from(drawn).unwrap_or_default()
    }

    /// Whether something happens that is not part of a calm run, in `percent` percent of cases.
    pub(crate) fn happens(&mut self, percent: usize) -> bool {
        self.pick(100) >= 100 - percent
    }

    pub(crate) fn into_made(self) -> Vec<Step> {
        self.made
    }
}

/// `SplitMix64` (<https://prng.di.unimi.it/splitmix64.c>): small, and the same in every version of every library.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
