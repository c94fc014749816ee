//! A point in time, as milliseconds since 1970 in UTC.
use std::time::Duration;

/// Milliseconds since 1970-01-01T00:00:00Z; RFC 3339 in UTC on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This moment plus `span`, or the last representable moment if that overflows.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// This moment minus `span`, or the first representable moment if that overflows.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The time since `earlier`, or zero if this is not later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

#[cfg(feature = "wire")]
mod wire {
    use super::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    impl std::fmt::Display for Timestamp {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            match jiff::Timestamp::from_millisecond(self.0) {
                Ok(moment) => moment.fmt(f),
                Err(_) => Err(std::fmt::Error),
            }
        }
    }

    impl Serialize for Timestamp {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(self)
        }
    }

    impl<'de> Deserialize<'de> for Timestamp {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
        }
    }

    impl std::str::FromStr for Timestamp {
        type Err = jiff::Error;

        fn from_str(text: &str) -> Result<Self, jiff::Error> {
            let moment: jiff::Timestamp = text.parse()?;
            Ok(Self(moment.as_millisecond()))
        }
    }

    impl utoipa::PartialSchema for Timestamp {
        fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
            utoipa::openapi::ObjectBuilder::new()
                .schema_type(utoipa::openapi::schema::Type::String)
                .format(Some(utoipa::openapi::SchemaFormat::KnownFormat(
                    utoipa::openapi::KnownFormat::DateTime,
                )))
                .into()
        }
    }

    impl utoipa::ToSchema for Timestamp {}
}
