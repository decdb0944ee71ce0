//! HTTP/1.1 as far as measuring needs it, by hand, so that the load costs less than what it
//! measures.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// Nothing a gateway answers takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// One connection, kept alive. Written by hand so that the load costs less CPU than what it
/// measures.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

/// An answer, as far as anybody here looks at it.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) session: Option<String>,
    pub(crate) body: String,
}

impl Connection {
    pub(crate) fn open(authority: &str) -> Result<Self> {
        let stream = TcpStream::connect(authority)
            .with_context(|| format!("cannot connect to {authority}"))?;
        stream.set_nodelay(true).context("cannot set TCP_NODELAY")?;
        stream.set_read_timeout(Some(PATIENCE)).context("cannot set a time-out")?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends a request and reads its answer whole.
    pub(crate) fn exchange(&mut self, head: &str, body: &str) -> Result<Answer> {
        self.send(head, body)?;
        read_answer(&mut self.stream)
    }

    /// Sends a request and reads nothing.
    pub(crate) fn send(&mut self, head: &str, body: &str) -> Result<()> {
        let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        self.stream.get_mut().write_all(request.as_bytes()).context("cannot send")
    }

    /// Sends what is no whole request.
    pub(crate) fn send_raw(&mut self, bytes: &str) -> Result<()> {
        self.stream.get_mut().write_all(bytes.as_bytes()).context("cannot send")
    }

    /// Reads the first line of an answer, and leaves the rest.
    pub(crate) fn first_line(&mut self) -> Result<String> {
        line(&mut self.stream)
    }
}

fn read_answer(stream: &mut impl BufRead) -> Result<Answer> {
    let first = line(stream)?;
    let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.with_context(|| format!("not an HTTP answer: {first}"))?;
    let (mut length, mut is_chunked, mut session) = (0, false, None);
    loop {
        let header = line(stream)?;
        let Some((name, value)) = header.split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().context("Content-Length")?,
            "transfer-encoding" => is_chunked = value.trim().eq_ignore_ascii_case("chunked"),
            "mcp-session-id" => session = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    let mut body = Vec::new();
    if is_chunked {
        while read_chunk(stream, &mut body)? {}
    } else {
        read_exactly(stream, length, &mut body)?;
    }
    Ok(Answer { status, session, body: String::from_utf8_lossy(&body).into_owned() })
}

/// Reads one chunk; false when it was the last.
fn read_chunk(stream: &mut impl BufRead, body: &mut Vec<u8>) -> Result<bool> {
    let size = line(stream)?;
    let digits = size.split(';').next().unwrap_or_default().trim();
    let size = usize::from_str_radix(digits, 16).context("the size of a chunk")?;
    read_exactly(stream, size, body)?;
    line(stream)?;
    Ok(size > 0)
}

fn read_exactly(stream: &mut impl BufRead, size: usize, body: &mut Vec<u8>) -> Result<()> {
    let wanted = u64::try_from(size).context("a body too long")?;
    let read = stream.take(wanted).read_to_end(body).context("cannot read")?;
    if read < size {
        bail!("the answer ended early");
    }
    Ok(())
}

fn line(stream: &mut impl BufRead) -> Result<String> {
    let mut text = String::new();
    if stream.read_line(&mut text).context("cannot read")? == 0 {
        bail!("the gateway closed the connection");
    }
    Ok(text.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_whole_with_a_length_and_in_chunks() {
        let plain = "HTTP/1.1 200 OK\r\nMcp-Session-Id: s1\r\ncontent-length: 2\r\n\r\n{}HTTP";
        let chunked = "HTTP/1.1 202 A\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        let answer = read_answer(&mut plain.as_bytes()).unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
        assert_eq!(answer.session.as_deref(), Some("s1"));
        let answer = read_answer(&mut chunked.as_bytes()).unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (202, "abc"));
        assert!(
            read_answer(&mut "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx".as_bytes()).is_err()
        );
    }
}
