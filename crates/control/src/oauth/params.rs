//! Parameters of an OAuth request: each at most once; an empty one is none (RFC 6749, 3.1).

/// The parameters, as they came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(Vec<(String, String)>);

/// A parameter that came more than once with different values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Doubled(pub(crate) &'static str);

impl Params {
    /// Those of a query.
    pub(crate) fn of_query(query: &str) -> Self {
        Self::of(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// Those of a form.
    pub(crate) fn of(mut pairs: Vec<(String, String)>) -> Self {
        pairs.retain(|(_, value)| !value.is_empty());
        Self(pairs)
    }

    /// The value of a parameter.
    pub(crate) fn one(&self, name: &'static str) -> Result<Option<&str>, Doubled> {
        let mut values = self.0.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str());
        let Some(first) = values.next() else { return Ok(None) };
        if values.any(|other| other != first) { Err(Doubled(name)) } else { Ok(Some(first)) }
    }

    /// The value of a parameter where another is an error of its own.
    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_has_one_value() {
        let params = Params::of_query("a=1&b=&c=1&c=1&d=1&d=2");
        assert_eq!(params.one("a"), Ok(Some("1")));
        assert_eq!(params.one("b"), Ok(None));
        assert_eq!(params.one("c"), Ok(Some("1")));
        assert_eq!(params.one("d"), Err(Doubled("d")));
        assert_eq!(params.one("e"), Ok(None));
    }
}
