//! HTTP requests to a program on this machine.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(2);

/// Whether a GET of `path` is answered with 200.
pub(crate) fn answers(port: u16, path: &str) -> bool {
    ask(port, "GET", path, "").is_ok_and(|status| status == "200")
}

/// Whether a POST of `json` to `path` is answered with 201.
pub(crate) fn creates(port: u16, path: &str, json: &str) -> bool {
    ask(port, "POST", path, json).is_ok_and(|status| status == "201")
}

/// Sends a request, and returns the status of the answer.
fn ask(port: u16, method: &str, path: &str, json: &str) -> std::io::Result<String> {
    const BEFORE: &str = "HTTP/1.1 ";
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    if !json.is_empty() {
        request += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", json.len());
    }
    stream.write_all(format!("{request}\r\n{json}").as_bytes())?;
    let mut head = [0; BEFORE.len() + "200".len()];
    stream.read_exact(&mut head)?;
    Ok(String::from_utf8_lossy(&head[BEFORE.len()..]).into_owned())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn only_200_counts() {
        assert!(answers(served("HTTP/1.1 200 OK\r\n\r\n"), "/readyz"));
        assert!(!answers(served("HTTP/1.1 503 Service Unavailable\r\n\r\n"), "/readyz"));
        assert!(!answers(served(""), "/readyz"));
    }

    fn served(answer: &'static str) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // Reads the whole request: closing a connection with unread data resets it.
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.extend(byte);
            }
            stream.write_all(answer.as_bytes()).unwrap();
        });
        port
    }
}
