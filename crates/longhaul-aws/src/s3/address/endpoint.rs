//! The address of a store. Pure.
//!
//! What is checked is what is used: the SDK gets the address as the parser wrote it, so that no second reading of the same text
//! can find another host in it.

use std::net::Ipv4Addr;

use url::{Host, Url};

/// An address that may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    url: Url,
    given: String,
}

/// Why an address cannot be used. The words never show it, since what is wrong in it may be secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It is no URL of a web server.
    #[error("it is not an address like https://storage.example.com")]
    NotAnAddress,
    /// Something stands before an `@`.
    #[error("it has a name or a password before an @, which is not used; name a profile instead")]
    UserInformation,
    /// It goes on behind the path.
    #[error("it has a query or a fragment (? or #), which is not used")]
    Query,
    /// A number that only some programs take for this address.
    #[error("its host is a number in disguise; write {0}")]
    Disguised(Ipv4Addr),
    /// Signatures and stores disagree about what stands there.
    #[error("its path has a character that stores read in different ways; use letters, digits and - . _ ~ / only")]
    Path,
}

impl Endpoint {
    /// Reads an address.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let rest = after_scheme(text).ok_or(EndpointError::NotAnAddress)?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        if authority.contains('@') {
            return Err(EndpointError::UserInformation);
        }
        let url = Url::parse(text).map_err(|_| EndpointError::NotAnAddress)?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(EndpointError::Query);
        }
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        match url.host() {
            Some(Host::Ipv4(address)) if address.to_string() != host => return Err(EndpointError::Disguised(address)),
            Some(_) if url.port() != Some(0) => {}
            _ => return Err(EndpointError::NotAnAddress),
        }
        if !url.path().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte)) {
            return Err(EndpointError::Path);
        }
        Ok(Self { url, given: text.trim_end_matches('/').to_owned() })
    }

    /// What the SDK gets, without a `/` at its end.
    pub fn as_str(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    /// What is reported and recorded: the address as it was given, without a `/` at its end. Records are found by it again.
    pub fn given(&self) -> &str {
        &self.given
    }

    /// The host in lower case, without the dot that may end it.
    pub fn host(&self) -> &str {
        let host = self.url.host_str().unwrap_or_default();
        host.strip_suffix('.').unwrap_or(host)
    }

    /// Whether nobody on the way can read along.
    pub fn is_encrypted(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether it is this machine.
    pub fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
            // RFC 6761: such names never leave the machine.
            Some(Host::Domain(_)) => self.host() == "localhost" || self.host().ends_with(".localhost"),
            None => false,
        }
    }
}

/// Browsers forgive `http:host`, `http:///host`, `\` for `/`, and line breaks anywhere. Nobody means a store by it.
fn after_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once("://")?;
    let is_known = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || c == '\\';
    (is_known && !rest.starts_with('/') && !text.contains(is_odd)).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Endpoint {
        Endpoint::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn an_address_is_used_as_it_was_given() {
        for text in [
            "https://s3.cn-north-1.amazonaws.com.cn",
            "http://127.0.0.1:9000",
            "http://[::1]:9000",
            "https://minio.example:9000",
            "https://project.supabase.co/storage/v1/s3",
        ] {
            assert_eq!((parse(text).as_str(), parse(text).given()), (text, text));
            let with_slash = format!("{text}/");
            assert_eq!((parse(&with_slash).as_str(), parse(&with_slash).given()), (text, text));
        }
    }

    #[test]
    fn this_machine_is_known_by_what_it_is_and_not_by_how_it_begins() {
        for text in [
            "http://127.0.0.1:9000",
            "http://127.9.8.7",
            "http://[::1]:9000",
            "http://[::ffff:127.0.0.1]",
            "http://localhost",
            "http://LOCALHOST.:9000/",
            "http://bucket.localhost:9000",
        ] {
            assert!(parse(text).is_loopback(), "{text}");
        }
        for text in [
            "http://127.0.0.1.evil.com",
            "http://localhost.evil",
            "http://evil-localhost",
            "http://xlocalhost",
            "http://0.0.0.0",
            "http://[::]",
            "http://[::ffff:10.0.0.1]",
            "http://128.0.0.1",
        ] {
            assert!(!parse(text).is_loopback(), "{text}");
        }
    }

    #[test]
    fn a_host_is_compared_in_one_form() {
        assert_eq!(parse("HTTPS://S3.AMAZONAWS.COM.").host(), "s3.amazonaws.com");
        assert_eq!(parse("https://b\u{fc}cher.example").host(), "xn--bcher-kva.example");
        assert_eq!(parse("https://b\u{fc}cher.example").as_str(), "https://xn--bcher-kva.example");
        assert_eq!(parse("http://[::1]:9000/x").host(), "[::1]");
        assert!(!parse("HTTP://localhost").is_encrypted() && parse("HTTPS://x").is_encrypted());
    }

    #[test]
    fn names_and_passwords_in_an_address_are_refused() {
        for text in
            ["http://localhost:x@evil", "https://user:secret@host", "http://@host", "https://a@b@c", "https://%40@b"]
        {
            assert_eq!(Endpoint::parse(text), Err(EndpointError::UserInformation), "{text}");
        }
    }

    #[test]
    fn what_other_programs_read_otherwise_is_refused() {
        let loopback = EndpointError::Disguised(Ipv4Addr::LOCALHOST);
        for text in ["http://0x7f.1", "http://127.1", "http://2130706433", "http://0177.0.0.1:80", "http://127.0.0.1."]
        {
            assert_eq!(Endpoint::parse(text), Err(loopback.clone()), "{text}");
        }
        for text in ["https://host/?x=y", "https://host?", "https://host/#f"] {
            assert_eq!(Endpoint::parse(text), Err(EndpointError::Query), "{text}");
        }
        for text in
            ["https://host/a%2fb", "https://host/\u{fc}", "https://host/{x}", "https://host/a;b", "https://host/a|b"]
        {
            assert_eq!(Endpoint::parse(text), Err(EndpointError::Path), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "minio.example",
            "ftp://host",
            "file:///etc/passwd",
            "http://",
            "https:///host",
            "http:host",
            "http:/host",
            "http://127.0.0.1\\@evil.com",
            "http://lo\ncalhost",
            " http://localhost",
            "http://localhost ",
            "http://host:0",
            "http://host:99999",
            "http://host:port",
            "http://[::1",
            "http://[::1%25eth0]",
            "http://a b",
        ] {
            assert_eq!(Endpoint::parse(text), Err(EndpointError::NotAnAddress), "{text:?}");
        }
    }
}
