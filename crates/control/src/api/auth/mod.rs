//! Signing up and signing in, for programs: JSON in, tokens out.

pub(crate) mod jwks;
pub(crate) mod logout;
pub(crate) mod refresh;
pub(crate) mod signup;
pub(crate) mod token;

pub(crate) use jwks::jwks;
pub(crate) use logout::logout;
pub(crate) use refresh::refresh;
pub(crate) use signup::signup;
pub(crate) use token::token;
