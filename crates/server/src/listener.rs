//! The listener: accepts so many connections until it is told to stop, lets what is under way
//! finish, and in the end cuts off what is left, so that whoever counts on the end of a call sees
//! it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service;

/// How long a client may take to say anything at all.
const FIRST_BYTE: Duration = Duration::from_secs(30);
/// How long a client may take to send the head of a request, and to begin its next one: longer
/// than clients keep idle connections (90 s), so that it is seldom us who close one in use.
const HEAD_DEADLINE: Duration = Duration::from_mins(2);
/// How often an idle HTTP/2 connection is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(30);
/// How long to wait when no more connections can be accepted, as when descriptors are used up.
const FULL: Duration = Duration::from_millis(100);
/// What is said to a connection for which there is no room.
const NO_ROOM: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\n\
    connection: close\r\ncontent-length: 0\r\n\r\n";

/// Connections and the requests on them.
#[derive(Clone)]
pub(crate) struct Connections {
    tasks: TaskTracker,
    stop: CancellationToken,
    cut: CancellationToken,
    room: Arc<Semaphore>,
}

impl Connections {
    /// None yet, and never more than `most` at a time; when `stop` is cancelled no more are
    /// accepted and idle ones are closed.
    pub(crate) fn until(stop: CancellationToken, most: usize) -> Self {
        let room = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Self { tasks: TaskTracker::new(), stop, cut: CancellationToken::new(), room }
    }

    /// Accepts until it is time to stop.
    pub(crate) async fn accept(&self, listener: TcpListener, router: Router) {
        let accepting = async {
            loop {
                match listener.accept().await {
                    Ok((tcp, peer)) => match Arc::clone(&self.room).try_acquire_owned() {
                        Ok(room) => self.spawn(self.clone().serve(tcp, peer, router.clone(), room)),
                        Err(_full) => turn_away(&tcp),
                    },
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        sleep(FULL).await;
                    }
                }
            }
        };
        let _stopped: Option<()> = self.stop.run_until_cancelled(accepting).await;
        self.tasks.close();
    }

    /// Waits for all that is under way.
    pub(crate) async fn finish(&self) {
        self.tasks.wait().await;
    }

    /// Drops what is still under way; when this returns, all of it is dropped.
    pub(crate) async fn cut(&self) {
        self.cut.cancel();
        self.tasks.wait().await;
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let cut = self.cut.clone();
        self.tasks.spawn(async move {
            let _done = cut.run_until_cancelled(work).await;
        });
    }

    /// Serves one connection, which keeps its room to its end.
    async fn serve(
        self,
        tcp: TcpStream,
        peer: SocketAddr,
        router: Router,
        _room: OwnedSemaphorePermit,
    ) {
        // Small answers must not wait for more to send (Nagle).
        if let Err(error) = tcp.set_nodelay(true) {
            tracing::debug!(%error, "a connection waits to fill its packets");
        }
        // Who connects and says nothing gets no place.
        let spoke = timeout(FIRST_BYTE, tcp.peek(&mut [0])).await;
        if !spoke.is_ok_and(|peeked| peeked.is_ok_and(|bytes| bytes > 0)) {
            return;
        }
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            router.clone().call(request.map(Body::new))
        });
        let stop = self.stop.clone();
        let mut builder = Builder::new(self);
        builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_DEADLINE);
        builder.http2().timer(TokioTimer::new()).keep_alive_interval(PING_EVERY);
        let connection = builder.serve_connection(TokioIo::new(tcp), service);
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection broke off");
        }
    }
}

/// Says that there is no room, if that can be said at once, and hangs up.
fn turn_away(tcp: &TcpStream) {
    metrics::counter!("drawbridge_connections_refused_total").increment(1);
    // Nobody waits for a client that does not listen.
    let _said = tcp.try_write(NO_ROOM);
}

/// The requests of an HTTP/2 connection are tasks of their own; they are cut off like it.
impl<F> hyper::rt::Executor<F> for Connections
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, request: F) {
        self.spawn(request);
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn ask(tcp: &mut TcpStream) -> String {
        // One that was turned away may be closed already.
        let _sent = tcp.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let mut answer = vec![0; 1_024];
        let length = tcp.read(&mut answer).await.unwrap_or_default();
        String::from_utf8_lossy(&answer[..length]).into_owned()
    }

    #[tokio::test]
    async fn connections_are_bounded_and_room_comes_back_with_each_that_ends() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let connections = Connections::until(stop.clone(), 2);
        let router = Router::new().fallback(get(|| async { "served" }));
        let accepting = connections.clone();
        let accepted =
            TaskTracker::new().spawn(async move { accepting.accept(listener, router).await });
        let (mut first, mut second) =
            (TcpStream::connect(at).await.unwrap(), TcpStream::connect(at).await.unwrap());
        assert!(ask(&mut first).await.ends_with("served"));
        assert!(ask(&mut second).await.ends_with("served"));
        let mut third = TcpStream::connect(at).await.unwrap();
        let mut told = String::new();
        third.read_to_string(&mut told).await.unwrap();
        assert!(told.starts_with("HTTP/1.1 503") && told.contains("retry-after: 1"), "{told}");
        assert!(ask(&mut first).await.ends_with("served"), "who is in is not disturbed");
        drop(first);
        loop {
            let mut next = TcpStream::connect(at).await.unwrap();
            if ask(&mut next).await.ends_with("served") {
                break;
            }
            sleep(Duration::from_millis(5)).await;
        }
        stop.cancel();
        drop(second);
        accepted.await.unwrap();
        connections.finish().await;
    }
}
