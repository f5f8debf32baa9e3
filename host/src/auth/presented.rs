//! What an `Authorization` header presents (RFC 7617 Basic, RFC 6750 Bearer).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::AuthError;

/// Credentials as they came, not verified.
#[derive(Clone, PartialEq, Eq)]
pub enum Presented {
    Basic { name: String, password: String },
    Bearer(String),
}

impl Presented {
    /// `None` when there is no such header. Two of them are an error: which one would count?
    ///
    /// # Errors
    /// [`AuthError::Malformed`], when the header cannot be read or has another scheme.
    pub fn from_headers(headers: &HeaderMap) -> Result<Option<Self>, AuthError> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(AuthError::Malformed("there is more than one"));
        }
        let text = value.to_str().map_err(|_| AuthError::Malformed("it is not ASCII"))?;
        parse(text).map(Some)
    }
}

fn parse(text: &str) -> Result<Presented, AuthError> {
    let (scheme, rest) = text.split_once(' ').ok_or(AuthError::Malformed("write `Basic …` or `Bearer …`"))?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Presented::Bearer(rest.to_owned()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(AuthError::Malformed("its scheme is neither Basic nor Bearer"));
    }
    let bytes = STANDARD.decode(rest).map_err(|_| AuthError::Malformed("its base64 is broken"))?;
    let pair = String::from_utf8(bytes).map_err(|_| AuthError::Malformed("it is not UTF-8"))?;
    let (name, password) = pair.split_once(':').ok_or(AuthError::Malformed("it has no colon"))?;
    Ok(Presented::Basic { name: name.to_owned(), password: password.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<Presented>) {
        assert!(parse(text).ok() == expect, "{text}");
    }

    #[test]
    fn headers() {
        let basic = |name: &str, password: &str| {
            Some(Presented::Basic { name: name.to_owned(), password: password.to_owned() })
        };
        check("Basic YW5hOnBhc3M6d29yZA==", basic("ana", "pass:word"));
        check("basic YW5hOg==", basic("ana", ""));
        check("Bearer cs_x", Some(Presented::Bearer("cs_x".to_owned())));
        check("Basic YW5h", None);
        check("Basic ???", None);
        check("Negotiate abc", None);
        check("Basic", None);
    }

    #[test]
    fn two_headers_are_refused() {
        let mut headers = HeaderMap::new();
        assert!(matches!(Presented::from_headers(&headers), Ok(None)));
        headers.append(AUTHORIZATION, "Bearer a".parse().unwrap());
        headers.append(AUTHORIZATION, "Bearer b".parse().unwrap());
        assert!(Presented::from_headers(&headers).is_err());
    }
}
