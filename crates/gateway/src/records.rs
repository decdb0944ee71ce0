//! Where the records of calls go. The binary implements [`Records`] over its spool; the gateway
//! only promises that each call takes a place first and fills it once.

use domain::CallRecord;

/// The audit of calls, as the gateway sees it: bounded, never blocking, never dropping.
pub trait Records: Send + Sync + 'static {
    /// Takes room for one record, before the call is judged. No room means that the call is
    /// refused with 503: what cannot be recorded is not done.
    fn reserve(&self) -> Result<Box<dyn Place>, Full>;
}

/// Room for one record. Appending to it cannot fail; a place that is dropped is given back.
pub trait Place: Send + Sync {
    /// Takes room for so many bytes more than records commonly have.
    fn widen(&mut self, bytes: usize) -> Result<(), Full>;

    /// Remembers that the call is about to be forwarded, so that it is known of even if this
    /// process is killed before it ends. What cannot be remembered is not forwarded.
    fn forwarding(&self, record: &CallRecord) -> Result<(), Full>;

    /// Appends the record of the finished call.
    fn append(self: Box<Self>, record: CallRecord);
}

/// The audit cannot take more at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit is full")]
pub struct Full;
