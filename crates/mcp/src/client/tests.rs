//! The guard from inside: every class of address, names that change their mind, our own ports.

use std::sync::Mutex;

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

fn class(ip: &str) -> Option<AddressClass> {
    AddressClass::of(ip.parse().unwrap())
}

#[test]
fn every_kind_of_address_that_is_not_public_is_known() {
    use AddressClass as C;
    for (ip, expected) in [
        ("0.0.0.0", C::Unspecified),
        ("0.1.2.3", C::Unspecified),
        ("127.0.0.1", C::Loopback),
        ("127.255.255.255", C::Loopback),
        ("10.0.0.1", C::Private),
        ("172.16.0.1", C::Private),
        ("172.31.255.255", C::Private),
        ("192.168.0.1", C::Private),
        ("169.254.1.1", C::LinkLocal),
        ("169.254.169.254", C::Metadata),
        ("100.100.100.200", C::Metadata),
        ("168.63.129.16", C::Metadata),
        ("100.64.0.1", C::Shared),
        ("100.127.255.255", C::Shared),
        ("192.0.0.1", C::Reserved),
        ("192.0.2.1", C::Documentation),
        ("198.18.0.1", C::Reserved),
        ("198.51.100.7", C::Documentation),
        ("203.0.113.7", C::Documentation),
        ("224.0.0.1", C::Multicast),
        ("240.0.0.1", C::Reserved),
        ("255.255.255.255", C::Reserved),
        ("::", C::Unspecified),
        ("::1", C::Loopback),
        ("fe80::1", C::LinkLocal),
        ("fec0::1", C::Private),
        ("fc00::1", C::Private),
        ("fd12:3456::1", C::Private),
        ("fd00:ec2::254", C::Metadata),
        ("ff02::1", C::Multicast),
        ("2001:db8::1", C::Documentation),
        ("3fff::1", C::Documentation),
        ("100::1", C::Reserved),
        ("2001:2::1", C::Reserved),
        ("4000::1", C::Reserved),
        // IPv4 in disguise
        ("::ffff:127.0.0.1", C::Loopback),
        ("::ffff:169.254.169.254", C::Metadata),
        ("::127.0.0.1", C::Reserved),
        ("::8.8.8.8", C::Reserved),
        ("64:ff9b::127.0.0.1", C::Loopback),
        ("64:ff9b::a9fe:a9fe", C::Metadata),
        ("64:ff9b:1::8.8.8.8", C::Reserved),
        ("2002:7f00:1::1", C::Loopback),
        ("2002:a00:1::", C::Private),
        ("2001:0:808:808:0:0:80ff:fffe", C::Loopback),
        ("2001:0:a00:1:0:0:f7f7:f7f7", C::Private),
        ("2606:4700::5efe:127.0.0.1", C::Loopback),
        ("2606:4700::200:5efe:10.0.0.1", C::Private),
        ("5f00::5efe:8.8.8.8", C::Reserved),
    ] {
        assert_eq!(class(ip), Some(expected), "{ip}");
    }
    for ip in [
        "8.8.8.8",
        "1.1.1.1",
        "172.32.0.1",
        "100.128.0.1",
        "2606:4700::1",
        "64:ff9b::8.8.8.8",
        "::ffff:8.8.8.8",
    ] {
        assert_eq!(class(ip), None, "{ip}");
    }
}

fn rules(allow: &[&str], loopback: bool, never: &[&str]) -> AddressRules {
    AddressRules {
        allow: allow.iter().map(|range| range.parse().unwrap()).collect(),
        loopback,
        never: never.iter().map(|address| address.parse().unwrap()).collect(),
    }
}

#[test]
fn the_operator_opens_ranges_and_ports_but_never_our_own() {
    let check = |rules: &AddressRules, address: &str| rules.check(address.parse().unwrap()).is_ok();
    let opened = rules(&["10.0.0.0/8:8080", "fd00::/8", "127.0.0.0/8"], false, &["127.0.0.1:5432"]);
    assert!(check(&opened, "10.1.2.3:8080") && !check(&opened, "10.1.2.3:80"));
    assert!(check(&opened, "[::ffff:10.1.2.3]:8080"));
    assert!(check(&opened, "[fd12::1]:9") && !check(&opened, "[fe80::1]:9"));
    assert!(check(&opened, "127.0.0.1:80"));
    for own in ["127.0.0.1:5432", "127.9.9.9:5432", "[::1]:5432", "[::ffff:127.0.0.1]:5432"] {
        assert!(!check(&opened, own), "{own}");
    }
    let everything = rules(&["0.0.0.0/0", "::/0"], true, &["0.0.0.0:8080", "203.0.113.9:6379"]);
    for own in ["127.0.0.1:8080", "10.0.0.1:8080", "[::1]:8080", "203.0.113.9:6379", "0.0.0.0:80"] {
        assert!(!check(&everything, own), "{own}");
    }
    assert!(check(&everything, "10.0.0.1:80") && check(&everything, "8.8.8.8:8080"));
    let closed = AddressRules::default();
    assert!(!check(&closed, "127.0.0.1:80") && check(&closed, "8.8.8.8:443"));
}

#[test]
fn urls_are_checked_by_their_form() {
    let check = |url: &str| AddressRules::default().check_url(&Url::parse(url).unwrap());
    assert_eq!(check("https://example.com/mcp"), Ok(()));
    assert_eq!(check("ftp://example.com/"), Err(Refused::Scheme));
    assert_eq!(check("file:///etc/passwd"), Err(Refused::Scheme));
    assert_eq!(check("https://user@example.com/"), Err(Refused::UserInfo));
    assert_eq!(check("https://:pw@example.com/"), Err(Refused::UserInfo));
    assert_eq!(check("https://example.com/#x"), Err(Refused::Fragment));
    for spelling in [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:7f00:1]/",
        "http://127.1/",
    ] {
        assert!(matches!(check(spelling), Err(Refused::Address { .. })), "{spelling}");
    }
}

#[test]
fn ranges_are_read_and_written() {
    for text in ["10.0.0.0/8", "10.0.0.0/8:443", "fd00::/8", "[fd00::/8]:443"] {
        assert_eq!(text.parse::<AllowRange>().unwrap().to_string(), text);
    }
    assert_eq!("10.1.2.3:80".parse::<AllowRange>().unwrap().to_string(), "10.1.2.3/32:80");
    assert_eq!("[::1]".parse::<AllowRange>().unwrap().to_string(), "::1/128");
    for bad in
        ["", "10.0.0.0/33", "host:80", "10.0.0.1:", "10.0.0.1:x", "[fd00::/8]443", "10.0.0.1:70000"]
    {
        assert_eq!(bad.parse::<AllowRange>(), Err(BadRange), "{bad}");
    }
}

proptest! {
    #[test]
    fn an_ipv4_address_in_disguise_is_never_more_public_than_itself(bits in any::<u32>()) {
        let v4 = std::net::Ipv4Addr::from(bits);
        let hex = format!("{:x}:{:x}", bits >> 16, bits & 0xFFFF);
        for disguise in [format!("::ffff:{hex}"), format!("64:ff9b::{hex}"), format!("2002:{hex}::1")] {
            prop_assert_eq!(class(&disguise), AddressClass::of(v4.into()), "{}", disguise);
        }
        let compatible = format!("::{hex}");
        prop_assert!(class(&compatible).is_some());
    }
}

// === Connecting ===

fn get(url: &str) -> Request<Full<Bytes>> {
    Request::get(url).body(Full::default()).unwrap()
}

const PATIENCE: Deadlines = Deadlines { first_byte: Duration::from_secs(10) };

/// A server that answers every connection with one line of text.
async fn greeter(text: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test's server ends with the test's runtime")]
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let length = text.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{text}"
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    address
}

/// A client for which every name has the next of these answers.
fn client_that_resolves(rules: AddressRules, answers: Vec<Vec<SocketAddr>>) -> Client {
    let answers = Mutex::new(answers.into_iter());
    let names = names::Names::asking(move |_, _, _room| {
        let answer = answers.lock().unwrap().next();
        Box::pin(async move { answer.ok_or_else(|| std::io::Error::other("no such host")) })
    });
    let guard = Guarded::resolving(rules, names.without_memory());
    Client::over(guard, Authorities::default()).unwrap()
}

#[tokio::test]
async fn a_name_that_turns_private_after_the_check_is_refused_at_the_connection() {
    let inside = greeter("secret").await;
    let public = "203.0.114.1:80".parse().unwrap();
    let client = client_that_resolves(AddressRules::default(), vec![vec![public], vec![inside]]);
    let url = Url::parse("http://rebinding.example/").unwrap();
    assert_eq!(client.resolve_and_check(&url).await.unwrap(), [public]);
    let error = client.send(get(url.as_str()), PATIENCE).await.unwrap_err();
    assert!(matches!(
        error,
        SendError::Refused(Refused::Address { class: AddressClass::Loopback, .. })
    ));
    assert!(!error.sent());
}

#[tokio::test]
async fn what_a_name_resolved_to_before_is_checked_again_by_the_rules() {
    let inside = greeter("secret").await;
    let names = names::Names::asking(move |_, _, _room| Box::pin(async move { Ok(vec![inside]) }));
    let open = AddressRules { loopback: true, ..AddressRules::default() };
    let url = "http://kept.example/";
    let over = |rules, names| {
        Client::over(Guarded::resolving(rules, names), Authorities::default()).unwrap()
    };
    let client = over(open, names.clone());
    assert!(client.send(get(url), PATIENCE).await.is_ok());
    let closed = over(AddressRules::default(), names);
    let error = closed.send(get(url), PATIENCE).await.unwrap_err();
    assert!(matches!(error, SendError::Refused(_)), "{error:?}");
}

#[tokio::test]
async fn of_several_addresses_only_the_allowed_ones_are_tried() {
    let (first, second) = (greeter("first").await, greeter("second").await);
    let rules = rules(&[&first.to_string()], false, &[]);
    let client = client_that_resolves(rules, vec![vec![second, first], vec![second]]);
    let answer = client.send(get("http://two.example/"), PATIENCE).await.unwrap();
    assert_eq!(read_all(answer.into_body(), 100).await.unwrap(), "first");
    let error = client.send(get("http://two.example/"), PATIENCE).await.unwrap_err();
    assert!(matches!(error, SendError::Refused(_)));
}

#[tokio::test]
async fn an_address_that_does_not_answer_does_not_keep_the_others_waiting() {
    let alive = greeter("alive").await;
    let dead = {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        gone.local_addr().unwrap()
    };
    let loopback = AddressRules { loopback: true, ..AddressRules::default() };
    let client = client_that_resolves(loopback, vec![vec![dead, alive]]);
    let answer = client.send(get("http://half.example/"), PATIENCE).await.unwrap();
    assert_eq!(read_all(answer.into_body(), 100).await.unwrap(), "alive");
}

#[tokio::test]
async fn failures_say_what_happened_and_whether_anything_was_sent() {
    let loopback = AddressRules { loopback: true, ..AddressRules::default() };
    let client = client_that_resolves(loopback.clone(), vec![]);
    let error = client.send(get("http://nobody.example/"), PATIENCE).await.unwrap_err();
    assert!(matches!(error, SendError::Unresolvable(_)) && !error.sent(), "{error:?}");

    let client = Client::new(loopback).unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    let error = client.send(get(&format!("http://{address}/")), PATIENCE).await.unwrap_err();
    assert!(matches!(error, SendError::ConnectFailed(_)) && !error.sent(), "{error:?}");

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let soon = Deadlines { first_byte: Duration::from_millis(100) };
    let error = client.send(get(&url), soon).await.unwrap_err();
    assert!(matches!(error, SendError::TimedOut { sent: true }), "{error:?}");

    let plain = greeter("not TLS").await;
    let error = client.send(get(&format!("https://{plain}/")), PATIENCE).await.unwrap_err();
    assert!(!error.sent(), "{error:?}");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let hang_up = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await;
    };
    let (answer, ()) = tokio::join!(client.send(get(&url), PATIENCE), hang_up);
    assert!(matches!(answer, Err(SendError::Broken { sent: true, .. })), "{answer:?}");
}

// === TLS ===

/// The authority that the server below has its certificate from, and one that it does not.
const AUTHORITY: &[u8] = include_bytes!("../../tests/tls/authority.pem");
const OTHER: &[u8] = include_bytes!("../../tests/tls/other.pem");

/// A server with a certificate of an authority of its own. Its key is worth nothing.
async fn greeter_over_tls() -> SocketAddr {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let chain = CertificateDer::from_pem_slice(include_bytes!("../../tests/tls/server.pem"));
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../../tests/tls/server.key"));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![chain.unwrap()], key.unwrap())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test's server ends with the test's runtime")]
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let Ok(mut tls) = acceptor.accept(tcp).await else { continue };
            let _request = tls.read(&mut [0; 1_024]).await;
            let _sent = tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\ninside").await;
            let _closed = tls.shutdown().await;
        }
    });
    at
}

#[tokio::test]
async fn a_server_with_a_certificate_of_a_private_authority_is_reached_once_it_is_trusted() {
    let url = format!("https://{}/", greeter_over_tls().await);
    let rules = || AddressRules { loopback: true, ..AddressRules::default() };
    let stranger = Client::new(rules()).unwrap();
    assert!(stranger.send(get(&url), PATIENCE).await.is_err(), "nobody vouches for it");
    let authorities = Authorities::from_pem(AUTHORITY).unwrap();
    assert_eq!(authorities.count(), 1);
    let client = Client::trusting(rules(), authorities).unwrap();
    let answer = client.send(get(&url), PATIENCE).await.unwrap();
    assert_eq!(read_all(answer.into_body(), 100).await.unwrap(), "inside");
    let other = Authorities::from_pem(OTHER).unwrap();
    let client = Client::trusting(rules(), other).unwrap();
    assert!(client.send(get(&url), PATIENCE).await.is_err(), "another authority");
}

#[test]
fn a_file_of_authorities_is_read_whole_or_refused_in_words() {
    let begin = "-----BEGIN CERTIFICATE-----\n";
    let end = "-----END CERTIFICATE-----\n";
    for (pem, wanted) in [
        (String::new(), "no certificate"),
        ("hello".to_owned(), "no certificate"),
        (format!("{begin}AAAA\n{end}"), "certificate 1"),
        (format!("{begin}????\n{end}"), "not PEM"),
        (begin.to_owned(), "not PEM"),
    ] {
        let refused = Authorities::from_pem(pem.as_bytes()).unwrap_err().to_string();
        assert!(refused.contains(wanted), "{pem}: {refused}");
    }
}
