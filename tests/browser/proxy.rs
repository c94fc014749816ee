//! A reverse proxy in front of the server, as on the internet: it names the client that it speaks for.
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// Starts a proxy in front of `server` that speaks for `client`, and returns its base URL.
pub(crate) async fn start(server: &str, client: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let server = server.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((browser, _)) = listener.accept().await {
            let server = server.clone();
            // A browser may hang up whenever it likes.
            tokio::spawn(async move { pass_on(browser, &server, client).await.ok() });
        }
    });
    base
}

/// Forwards a single request per connection.
async fn pass_on(mut browser: TcpStream, server: &str, client: &str) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(browser.read_u8().await?);
    }
    let line = head.windows(2).position(|pair| pair == b"\r\n").unwrap_or_default() + 2;
    let named = format!("x-forwarded-for: {client}\r\nconnection: close\r\n");
    let text = String::from_utf8_lossy(&head[line..]);
    let rest: String = text
        .split_inclusive("\r\n")
        .filter(|line| !line.to_ascii_lowercase().starts_with("connection:"))
        .collect();
    let mut server = TcpStream::connect(server).await?;
    server.write_all(&[&head[..line], named.as_bytes(), rest.as_bytes()].concat()).await?;
    copy_bidirectional(&mut browser, &mut server).await?;
    Ok(())
}
