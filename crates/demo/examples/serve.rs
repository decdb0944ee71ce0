//! Serves the demo shop alone, to point a client at:
//! `cargo run -p demo --example serve -- 127.0.0.1:4100`.

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:4100".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    demo::serve(listener, async {
        // Without a handler of the signal the server simply runs until it is killed.
        let _ = tokio::signal::ctrl_c().await;
    })
    .await
}
