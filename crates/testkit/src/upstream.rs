//! Upstream servers on loopback ports, real and misbehaving. Each lives as long as its runtime,
//! which is its test.
#![expect(clippy::disallowed_methods, reason = "servers of a test end with the test's runtime")]

use axum::Router;
use axum::routing::any;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use tokio::net::TcpListener;

/// The product's own demo server: a well-behaved upstream of ten tools.
pub async fn demo() -> String {
    serve(demo::router()).await
}

/// Answers every request with this.
pub async fn answering(status: u16, media_type: &'static str, body: &'static str) -> String {
    let status = StatusCode::from_u16(status).unwrap();
    serve(
        Router::new().route(
            "/mcp",
            any(move || async move { (status, [(CONTENT_TYPE, media_type)], body) }),
        ),
    )
    .await
}

/// The demo server behind a header that must be there.
pub async fn guarded(name: &'static str, value: &'static str) -> String {
    let check = move |headers: HeaderMap,
                      request: axum::extract::Request,
                      next: axum::middleware::Next| async move {
        if headers.get(name).is_some_and(|given| given == value) {
            Ok(next.run(request).await)
        } else {
            Err(StatusCode::UNAUTHORIZED)
        }
    };
    serve(demo::router().layer(axum::middleware::from_fn(check))).await
}

/// An address where nothing listens.
pub async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}/mcp", listener.local_addr().unwrap())
}

async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/mcp")
}
