//! Work that goes on behind the requests: a file a job. The binary runs them.

mod webhooks;
