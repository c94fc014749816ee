//! Form parameters with bracket keys, refused where Stripe refuses them.

use std::collections::BTreeMap;

use super::error::ApiError;

/// The parameters of one request, in the order sent; names lose their list indices (`expand[0]` becomes `expand[]`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Parses `application/x-www-form-urlencoded` text, which includes query strings.
    pub(crate) fn parse(encoded: &[u8]) -> Self {
        let pairs = url::form_urlencoded::parse(encoded)
            .map(|(name, value)| (without_index(&name), value.into_owned()))
            .collect();
        Self(pairs)
    }

    pub(crate) fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// The parameters as sent; names of lists end in `[]`.
    pub(crate) fn pairs(&self) -> Vec<(String, String)> {
        self.0.clone()
    }

    /// Sorts by name, so that requests with reordered parameters are equal; lists keep their order.
    pub(crate) fn sorted(mut self) -> Self {
        self.0.sort_by(|(one, _), (other, _)| one.cmp(other));
        self
    }

    /// Removes and returns a parameter, such as one that authenticates the request and isn't an argument.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        let position = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(position).1)
    }

    pub(crate) fn push(&mut self, name: &str, value: &str) {
        self.0.push((name.to_owned(), value.to_owned()));
    }

    /// The parameters nested in `name`, without that prefix: within `a`, `a[b][c]` becomes `b[c]`.
    pub(crate) fn within(&self, name: &str) -> Self {
        let inner = |(known, value): &(String, String)| {
            let (first, rest) = known.strip_prefix(name)?.strip_prefix('[')?.split_once(']')?;
            Some(([first, rest].concat(), value.clone()))
        };
        Self(self.0.iter().filter_map(inner).collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        let with_brackets = format!("{name}[]");
        self.0.iter().filter(|(known, _)| *known == with_brackets).map(|(_, value)| value.as_str()).collect()
    }

    /// Refuses parameters that aren't in `allowed`; `metadata[*]` allows any key within.
    pub(crate) fn only(&self, allowed: &[&str]) -> Result<(), ApiError> {
        let is_allowed = |name: &str| {
            allowed.iter().any(|pattern| match pattern.strip_suffix("[*]") {
                Some(map) => name
                    .strip_prefix(map)
                    .is_some_and(|rest| rest.is_empty() || (rest.starts_with('[') && rest.ends_with(']'))),
                None => *pattern == name,
            })
        };
        match self.0.iter().find(|(name, _)| !is_allowed(name)) {
            Some((name, _)) => Err(ApiError::unknown_parameter(name)),
            None => Ok(()),
        }
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, ApiError> {
        match self.get(name) {
            Some("") | None => Err(ApiError::missing_parameter(name)),
            Some(value) => Ok(value),
        }
    }

    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, ApiError> {
        self.get(name)
            .map(|value| value.parse().map_err(|_| ApiError::invalid_integer(name, value)))
            .transpose()
    }

    pub(crate) fn boolean(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(ApiError::invalid(name, format!("Invalid boolean: {other}"))),
        }
    }

    pub(crate) fn one_of(&self, name: &str, choices: &[&str]) -> Result<Option<String>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some(value) if choices.contains(&value) => Ok(Some(value.to_owned())),
            Some(value) => Err(ApiError::invalid(
                name,
                format!("Invalid {name}: must be one of {}; you sent `{value}`", choices.join(", ")),
            )),
        }
    }

    /// `metadata[key]=value`; an empty value asks for the key's removal. Limits as Stripe documents them:
    /// 50 keys of 40 characters, values of 500.
    pub(crate) fn metadata(&self) -> Result<BTreeMap<String, String>, ApiError> {
        let mut metadata = BTreeMap::new();
        for (name, value) in &self.0 {
            let Some(key) = name.strip_prefix("metadata[").and_then(|rest| rest.strip_suffix(']')) else {
                continue;
            };
            if key.chars().count() > 40 {
                return Err(ApiError::invalid(
                    name,
                    "Metadata keys can have up to 40 characters.".to_owned(),
                ));
            }
            if value.chars().count() > 500 {
                let message = format!("Metadata values can have up to 500 characters: {key}");
                return Err(ApiError::invalid(name, message));
            }
            metadata.insert(key.to_owned(), value.clone());
        }
        if metadata.len() > 50 {
            return Err(ApiError::invalid("metadata", "You can specify up to 50 keys.".to_owned()));
        }
        Ok(metadata)
    }
}

fn without_index(name: &str) -> String {
    match name.strip_suffix(']').and_then(|rest| rest.rsplit_once('[')) {
        Some((list, index)) if !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{list}[]")
        }
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_indices_and_empty_brackets_are_one_name() {
        let params = Params::parse(b"expand[0]=a&expand%5B%5D=b&metadata[k]=v");
        assert_eq!(params.list("expand"), ["a", "b"]);
        assert_eq!(params.metadata().unwrap()["k"], "v");
        assert!(params.only(&["expand[]", "metadata[*]"]).is_ok());
        assert_eq!(params.only(&["expand[]"]).unwrap_err().code(), Some("parameter_unknown"));
    }
}
