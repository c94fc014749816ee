//! Shrinks a run that broke an invariant until it is as short and as calm as possible.
use crate::chooser::{Chooser, Step};
use crate::database::Database;
use crate::run::run;

/// Number of shorter runs to try before settling for the shortest so far.
const MOST_TRIES: usize = 400;

/// The story of the shortest run found that breaks the same kind of invariant.
pub(crate) async fn shortest_story(
    database: &mut Database,
    choices: Vec<Step>,
    invariant: &str,
) -> anyhow::Result<Vec<String>> {
    let mut best = choices;
    let mut tries = 0;
    let mut size = best.len() / 2;
    while size > 0 && tries < MOST_TRIES {
        let mut start = 0;
        // The last step is the run's ending.
        while start + 1 < best.len() && tries < MOST_TRIES {
            tries += 1;
            let end = (start + size).min(best.len() - 1);
            let shorter = [&best[..start], &best[end..]].concat();
            let ran = run(database, Chooser::scripted(shorter.clone()), false).await?;
            if ran.broken.as_deref().is_some_and(|broken| is_same(broken, invariant)) {
                best = shorter;
            } else {
                start = end;
            }
        }
        size /= 2;
    }
    let told = run(database, Chooser::scripted(best), true).await?;
    let end = told
        .broken
        .unwrap_or_else(|| "it holds when it is told: the run depends on more than its choices".to_owned());
    Ok([told.story, vec![format!("BROKEN: {end}")]].concat())
}

/// Whether two failures are of one kind: references and amounts differ from run to run.
fn is_same(one: &str, other: &str) -> bool {
    let kind = |text: &str| -> String {
        text.split(' ').filter(|word| !word.contains(|c: char| c.is_ascii_digit() || c == '-')).collect()
    };
    kind(one) == kind(other)
}
