//! One process and its standard streams: a line in, a line out. It is a process group of its own,
//! so that what it started ends with it.

use std::ffi::OsString;
use std::io;
use std::process::Stdio;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child as Process, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A line that is longer ends the process: something is wrong with it.
const MAX_LINE: usize = 16 << 20;
/// Lines on their way to a process that does not read them.
const MAX_WRITING: usize = 64;
/// How long a process may take to end once its input has ended, and once it was told to.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long is listened to a process that is gone, whose output something else may hold open.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Reads what a process says.
pub(crate) trait Listener: Send + Sync + 'static {
    /// One line, without its end.
    fn line(&self, line: Bytes);
    /// The process says no more.
    fn ended(&self);
}

/// A running process.
pub(crate) struct Child {
    input: mpsc::Sender<Bytes>,
    end: CancellationToken,
    ended: CancellationToken,
}

impl Child {
    /// Starts a program. Its errors go where ours go. It is told to end when this is dropped.
    pub(crate) fn start<L: Listener>(
        command: &[OsString],
        tasks: &TaskTracker,
        listener: impl FnOnce(Self) -> Arc<L>,
    ) -> io::Result<Arc<L>> {
        let (program, arguments) =
            command.split_first().ok_or_else(|| io::Error::other("no command"))?;
        let mut process = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let (Some(stdin), Some(stdout)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(io::Error::other("no standard streams"));
        };
        let group = process.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        let (input, lines) = mpsc::channel(MAX_WRITING);
        let (end, ended) = (CancellationToken::new(), CancellationToken::new());
        let listener = listener(Self { input, end: end.clone(), ended: ended.clone() });
        let heard = Arc::downgrade(&listener);
        tasks.spawn(async move {
            converse(stdin, lines, stdout, &heard, &mut process, &end).await;
            if let Some(listener) = heard.upgrade() {
                listener.ended();
            }
            see_off(process, group).await;
            ended.cancel();
        });
        Ok(listener)
    }

    /// Says one message to it; waits while it is busy, and fails when it is gone.
    pub(crate) async fn say(&self, message: &[u8]) -> Result<(), Gone> {
        self.input.send(one_line(message)).await.map_err(|_closed| Gone)
    }

    /// The same without waiting: what does not fit is lost.
    pub(crate) fn try_say(&self, message: &[u8]) {
        if self.input.try_send(one_line(message)).is_err() {
            tracing::debug!("a process does not read what it is told");
        }
    }

    /// Tells it to end.
    pub(crate) fn end(&self) {
        self.end.cancel();
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(&self) {
        self.ended.cancelled().await;
    }
}

/// The process is gone.
#[derive(Debug)]
pub(crate) struct Gone;

/// A message as one line. In JSON a line break is nothing but space between two tokens.
fn one_line(message: &[u8]) -> Bytes {
    let plain = message.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte });
    plain.chain([b'\n']).collect()
}

/// Carries lines both ways until the process ends, says no more, or is to end. Then its input has
/// ended, which is how a server is asked to end.
async fn converse<L: Listener>(
    stdin: ChildStdin,
    lines: mpsc::Receiver<Bytes>,
    stdout: ChildStdout,
    listener: &Weak<L>,
    process: &mut Process,
    end: &CancellationToken,
) {
    let mut reading = Box::pin(read(stdout, listener));
    let was_told = tokio::select! {
        () = &mut reading => true,
        () = write(stdin, lines) => false,
        _ = process.wait() => false,
        () = end.cancelled() => true,
    };
    // What it said before is still heard.
    if !was_told {
        let _heard = timeout(LAST_WORDS, reading).await;
    }
}

/// Waits for the end of a process, which is told more plainly each time, and ends what it left.
async fn see_off(mut process: Process, group: Option<Pid>) {
    let tell = |signal: Option<Signal>| {
        if let (Some(group), Some(signal)) = (group, signal) {
            // Nobody is left, if it fails.
            let _told = killpg(group, signal);
        }
    };
    for signal in [None, Some(Signal::SIGTERM), Some(Signal::SIGKILL)] {
        tell(signal);
        if timeout(PATIENCE, process.wait()).await.is_ok() {
            break;
        }
    }
    tell(Some(Signal::SIGKILL));
}

async fn write(mut stdin: ChildStdin, mut lines: mpsc::Receiver<Bytes>) {
    while let Some(line) = lines.recv().await {
        if stdin.write_all(&line).await.is_err() || stdin.flush().await.is_err() {
            return;
        }
    }
}

async fn read<L: Listener>(mut stdout: ChildStdout, listener: &Weak<L>) {
    let mut buffer = BytesMut::with_capacity(8 << 10);
    let mut searched = 0;
    while let Ok(1..) = stdout.read_buf(&mut buffer).await {
        while let Some(length) = buffer.iter().skip(searched).position(|byte| *byte == b'\n') {
            let line = buffer.split_to(searched + length + 1);
            searched = 0;
            let Some(listener) = listener.upgrade() else { return };
            let line = line.freeze();
            let trimmed = line.trim_ascii();
            if !trimmed.is_empty() {
                listener.line(line.slice_ref(trimmed));
            }
        }
        searched = buffer.len();
        if searched > MAX_LINE {
            tracing::warn!("a process wrote a line of more than {MAX_LINE} bytes");
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn a_message_is_one_line_whatever_its_spacing() {
        let spaced = b"{\r\n \"a\": \"b\\n\"\n}";
        assert_eq!(one_line(spaced), &b"{   \"a\": \"b\\n\" }\n"[..]);
    }
}
