//! Rates: a count per period.
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

/// Allows `count` at once, and then one more whenever the period divided by `count` has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: NonZeroU32,
    period: Duration,
}

/// The text is not a rate such as `30/1h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a count and a period in s, m, h or d, such as 30/1h, or off")]
pub struct InvalidRate;

/// By how much two times may be off, and so be reported in the wrong order.
const CLOCKS_DIFFER: Duration = Duration::from_secs(1);

impl Rate {
    /// `count` per `period`. A `count` of zero counts as one.
    #[must_use]
    pub const fn new(count: u32, period: Duration) -> Self {
        let count = match NonZeroU32::new(count) {
            Some(count) => count,
            None => NonZeroU32::MIN,
        };
        Self { count, period }
    }

    #[must_use]
    pub fn count(self) -> NonZeroU32 {
        self.count
    }

    /// Time after which one more is allowed.
    #[must_use]
    pub fn interval(self) -> Duration {
        self.period / self.count.get()
    }

    /// How much of the period may already be used up for one more to be allowed.
    #[must_use]
    pub fn tolerance(self) -> Duration {
        self.tolerance_for(self.interval())
    }

    /// The same for an action that uses `cost` of the period. A client that has used nothing else is never refused,
    /// even if the clock has gone back a little or is another instance's.
    #[must_use]
    pub fn tolerance_for(self, cost: Duration) -> Duration {
        self.period.saturating_sub(cost) + (self.interval() / 2).min(CLOCKS_DIFFER)
    }

    /// This rate, `times` as often.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        let times = NonZeroU32::new(times).unwrap_or(NonZeroU32::MIN);
        Self { count: self.count.saturating_mul(times), ..self }
    }

    #[must_use]
    pub fn period(self) -> Duration {
        self.period
    }
}

impl FromStr for Rate {
    type Err = InvalidRate;

    fn from_str(text: &str) -> Result<Self, InvalidRate> {
        let (count, period) = text.split_once('/').ok_or(InvalidRate)?;
        let count = count.trim().parse().map_err(|_| InvalidRate)?;
        let period = period.trim();
        let unit = match period.chars().last() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3600,
            Some('d') => 86_400,
            Some(_) | None => return Err(InvalidRate),
        };
        let number = &period[..period.len() - 1];
        let number: u64 = if number.is_empty() { 1 } else { number.parse().map_err(|_| InvalidRate)? };
        if !(1..=366 * 86_400).contains(&number.saturating_mul(unit)) {
            return Err(InvalidRate);
        }
        Ok(Self { count, period: Duration::from_secs(number * unit) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_and_a_period() {
        let rate: Rate = "30/1h".parse().unwrap();
        assert_eq!((rate.interval().as_secs(), rate.tolerance().as_secs()), (120, 3481));
        assert_eq!("5/s".parse::<Rate>().unwrap().interval(), Duration::from_millis(200));
        for wrong in ["", "30", "30/", "0/1h", "-1/1h", "30/1y", "30/0m", "30/9999999d", "x/1h", "30/h1"] {
            assert_eq!(wrong.parse::<Rate>(), Err(InvalidRate), "{wrong}");
        }
    }
}
