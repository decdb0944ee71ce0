//! The surfaces of the control plane: the API for programs, pages for people, and where MCP clients
//! log in. They differ in the credential they take and in the form of a failure, and in nothing
//! else.

/// Which surface a path belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// `/api/…`: bearer credentials, problem+json.
    Api,
    /// `/token`, `/register`, `/revoke` and `/.well-known/…`: no credential but what the request
    /// holds, the errors of OAuth. Pages of any site may call them.
    OAuth,
    /// Everything else: the session cookie, HTML.
    Page,
}

impl Surface {
    /// The surface of this path.
    pub fn of(path: &str) -> Self {
        match path {
            "/token" | "/register" | "/revoke" => Self::OAuth,
            _ if path.starts_with("/.well-known/") => Self::OAuth,
            _ if path == "/api" || path.starts_with("/api/") => Self::Api,
            _ => Self::Page,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_api_folder_is_the_api() {
        assert_eq!(Surface::of("/api/v1/servers"), Surface::Api);
        assert_eq!(Surface::of("/apiary"), Surface::Page);
        assert_eq!(Surface::of("/o/acme/api/"), Surface::Page);
        assert_eq!(Surface::of("/token"), Surface::OAuth);
        assert_eq!(Surface::of("/.well-known/anything"), Surface::OAuth);
        assert_eq!(Surface::of("/authorize"), Surface::Page);
    }
}
