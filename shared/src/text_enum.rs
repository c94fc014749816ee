//! Enums whose values are words on the wire and in the database, written once.

/// Declares an enum with `as_str`, `parse` and `ALL`, and its `snake_case` form under feature `wire`. A value marked
/// `@"wire"` exists only under that feature, so that visitors don't load names for which no page has its own text.
macro_rules! text_enum {
    ($(#[$meta:meta])* $name:ident {
        $($(#[$vmeta:meta])* $(@$feature:tt)? $variant:ident => $text:literal),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[cfg_attr(feature = "wire", derive(serde::Serialize, serde::Deserialize, utoipa::ToSchema))]
        #[cfg_attr(feature = "wire", serde(rename_all = "snake_case"))]
        pub enum $name {
            $($(#[$vmeta])* $(#[cfg(feature = $feature)])? $variant),+
        }

        impl $name {
            /// Every value, in declaration order.
            pub const ALL: &'static [Self] = &[$($(#[cfg(feature = $feature)])? Self::$variant),+];

            /// The word used on the wire and in the database.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $($(#[cfg(feature = $feature)])? Self::$variant => $text),+ }
            }

            /// The value for `word`, if there is one.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($(#[cfg(feature = $feature)])? $text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use text_enum;

#[cfg(all(test, feature = "wire"))]
mod tests {
    use crate::{Code, Kind, Reason, Sale, State, Step, StepState, TokenRefusal};

    #[test]
    fn json_uses_the_same_words() {
        macro_rules! check {
            ($($name:ident),+) => {$(
                for value in $name::ALL {
                    assert_eq!(serde_json::to_value(value).unwrap(), value.as_str());
                    assert_eq!($name::parse(value.as_str()), Some(*value));
                }
            )+};
        }
        check!(Code, Kind, Reason, Sale, State, Step, StepState, TokenRefusal);
    }
}
