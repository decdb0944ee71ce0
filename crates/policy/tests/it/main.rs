//! The policy language from the outside.
