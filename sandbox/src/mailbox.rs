//! A mail server that keeps every email and delivers none (RFC 5321, without encryption), and a page that shows them.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{Router, extract::State, response::Html, routing::get};
use mail_parser::MessageParser;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::html::escape;

/// Maximum length of a line in octets, including its line ending (RFC 5321, 4.5.3.1).
const LONGEST_LINE: u64 = 1000;
/// Maximum size of an email in octets.
const LARGEST: usize = 1024 * 1024;

/// Inspects the mailbox and injects faults.
#[derive(Clone, Debug, Default)]
pub struct Mailbox(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    emails: Vec<Email>,
    refused: HashSet<String>,
    away: bool,
}

/// An email as received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    pub message_id: String,
    pub from: String,
    pub to: String,
    pub subject: String,
    pub text: String,
}

impl Mailbox {
    /// The received emails, oldest first.
    #[must_use]
    pub fn emails(&self) -> Vec<Email> {
        self.lock().emails.clone()
    }

    /// Permanently refuses email to `address`.
    pub fn refuse(&self, address: &str) {
        self.lock().refused.insert(address.to_owned());
    }

    /// While `away`, refuses every email with a temporary error.
    pub fn set_away(&self, away: bool) {
        self.lock().away = away;
    }

    pub(crate) fn routes(&self) -> Router {
        Router::new().route("/mailbox", get(page)).with_state(self.clone())
    }

    /// Speaks SMTP until `stop` is cancelled.
    pub(crate) async fn serve(self, listener: TcpListener, stop: CancellationToken) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let mailbox = self.clone();
                        connections.spawn(async move {
                            if let Err(error) = mailbox.converse(stream).await {
                                tracing::debug!(%error, "a mail client went away");
                            }
                        });
                    }
                    Err(error) => tracing::warn!(%error, "a mail client could not be accepted"),
                },
            }
        }
        connections.shutdown().await;
    }

    async fn converse(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut client = Client(BufStream::new(stream));
        client.say("220 mailbox.sandbox ESMTP").await?;
        let mut session = Session::default();
        while let Some(line) = client.line().await? {
            let answer = match session.hear(&line, self) {
                Next::Answer(answer) => answer,
                Next::Data => {
                    client.say("354 end with a dot on a line of its own").await?;
                    let Some(email) = client.email().await? else { return Ok(()) };
                    session.keep(&email, self)
                }
                Next::End => {
                    client.say("221 bye").await?;
                    return Ok(());
                }
            };
            client.say(&answer).await?;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The state of one client's SMTP session.
#[derive(Default)]
struct Session {
    greeted: bool,
    from: Option<String>,
    to: Vec<String>,
}

enum Next {
    Answer(String),
    /// The client sends the email next.
    Data,
    End,
}

impl Session {
    fn hear(&mut self, line: &str, mailbox: &Mailbox) -> Next {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let answer = match verb.to_ascii_uppercase().as_str() {
            "QUIT" => return Next::End,
            "NOOP" => "250 fine",
            "RSET" => {
                (self.from, self.to) = (None, Vec::new());
                "250 forgotten"
            }
            "EHLO" if !rest.is_empty() => {
                self.greeted = true;
                "250-mailbox.sandbox\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 1048576"
            }
            _ if !self.greeted => "503 5.5.1 say EHLO first",
            _ if mailbox.lock().away => "421 4.3.2 come back later",
            "MAIL" => match path(rest, "FROM:") {
                Some(_) if self.from.is_some() => "503 5.5.1 one email at a time",
                Some(from) => {
                    self.from = Some(from);
                    "250 2.1.0 fine"
                }
                None => "501 5.5.4 MAIL FROM:<address>",
            },
            "RCPT" => match path(rest, "TO:") {
                _ if self.from.is_none() => "503 5.5.1 say MAIL first",
                Some(to) if mailbox.lock().refused.contains(&to) => "550 5.1.1 nobody is called that",
                Some(to) if to.contains('@') => {
                    self.to.push(to);
                    "250 2.1.5 fine"
                }
                Some(_) | None => "501 5.1.3 RCPT TO:<address>",
            },
            "DATA" if self.to.is_empty() => "503 5.5.1 say RCPT first",
            "DATA" => return Next::Data,
            _ => "500 5.5.2 not understood",
        };
        Next::Answer(answer.to_owned())
    }

    fn keep(&mut self, email: &[u8], mailbox: &Mailbox) -> String {
        let (from, to) = (self.from.take().unwrap_or_default(), std::mem::take(&mut self.to));
        let parsed = MessageParser::default().parse(email);
        let known = parsed.as_ref().and_then(|email| {
            let (id, subject, text) = (email.message_id()?, email.subject()?, email.body_text(0)?);
            // Nobody can reply to an email without a sender, and filters treat it as spam.
            email.from().map(|_| (id.to_owned(), subject.to_owned(), text.into_owned()))
        });
        let Some((message_id, subject, text)) = known else {
            return "554 5.6.0 it has no From, Subject, Message-ID or text".to_owned();
        };
        for to in to {
            let email = Email {
                message_id: message_id.clone(),
                from: from.clone(),
                to,
                subject: subject.clone(),
                text: text.clone(),
            };
            mailbox.lock().emails.push(email);
        }
        "250 2.0.0 kept".to_owned()
    }
}

/// The address in `FROM:<a@b> SIZE=1`.
fn path(text: &str, before: &str) -> Option<String> {
    let name = text.get(..before.len())?;
    let (address, _) = text.get(before.len()..)?.strip_prefix('<')?.split_once('>')?;
    name.eq_ignore_ascii_case(before).then(|| address.to_owned())
}

struct Client(BufStream<TcpStream>);

impl Client {
    async fn say(&mut self, answer: &str) -> std::io::Result<()> {
        self.0.write_all(answer.as_bytes()).await?;
        self.0.write_all(b"\r\n").await?;
        self.0.flush().await
    }

    /// The next line without its line ending; `None` if the client is gone or doesn't speak SMTP.
    async fn line(&mut self) -> std::io::Result<Option<String>> {
        let bytes = self.bytes().await?;
        Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()))
    }

    async fn bytes(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        (&mut self.0).take(LONGEST_LINE).read_until(b'\n', &mut line).await?;
        Ok(line.strip_suffix(b"\r\n").map(<[u8]>::to_vec))
    }

    /// The email, up to the line with a single dot; `None` if it is too large or the client is gone.
    async fn email(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let mut email = Vec::new();
        while let Some(line) = self.bytes().await? {
            match line.strip_prefix(b".") {
                Some(b"") => return Ok(Some(email)),
                Some(rest) => email.extend_from_slice(rest),
                None => email.extend_from_slice(&line),
            }
            email.extend_from_slice(b"\r\n");
            if email.len() > LARGEST {
                return Ok(None);
            }
        }
        Ok(None)
    }
}

async fn page(State(mailbox): State<Mailbox>) -> Html<String> {
    let email = |email: &Email| {
        format!(
            "<article><h2>{}</h2><p>to {}, from {}</p><pre>{}</pre></article>",
            escape(&email.subject),
            escape(&email.to),
            escape(&email.from),
            escape(&email.text)
        )
    };
    let emails: String = mailbox.emails().iter().rev().map(email).collect();
    let none = if emails.is_empty() { "<p>No emails yet.</p>" } else { "" };
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Mailbox</title>\
         <link rel=\"stylesheet\" href=\"/course.css\"><main class=\"letters\"><h1>Mailbox</h1>{none}{emails}</main></html>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn said(lines: &[&str]) -> (Vec<String>, Mailbox) {
        let mailbox = Mailbox::default();
        mailbox.refuse("no@example.com");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(mailbox.clone().serve(listener, stop.clone()));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all((lines.join("\r\n") + "\r\n").as_bytes()).await.unwrap();
        let mut all = String::new();
        stream.read_to_string(&mut all).await.unwrap();
        stop.cancel();
        (all.lines().filter_map(|line| line.get(..3)).map(str::to_owned).collect(), mailbox)
    }

    #[tokio::test]
    async fn it_insists_on_the_order_of_commands() {
        let (codes, mailbox) = said(&[
            "MAIL FROM:<a@example.com>",
            "EHLO here",
            "RCPT TO:<b@example.com>",
            "MAIL FROM:<a@example.com>",
            "DATA",
            "RCPT TO:<no@example.com>",
            "RCPT TO:<nobody>",
            "NONSENSE",
            "QUIT",
        ])
        .await;
        assert_eq!(
            codes,
            ["220", "503", "250", "250", "250", "250", "503", "250", "503", "550", "501", "500", "221"]
        );
        assert_eq!(mailbox.emails(), []);
    }

    #[tokio::test]
    async fn a_letter_is_kept_as_its_reader_would_see_it() {
        let email = [
            "From: a@example.com",
            "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=",
            "Message-ID: <1@example.com>",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: quoted-printable",
            "",
            "..=C3=BC",
            ".",
        ];
        let commands = ["EHLO here", "MAIL FROM:<a@example.com>", "RCPT TO:<b@example.com>", "DATA"];
        let (codes, mailbox) = said(&[&commands[..], &email, &["QUIT"]].concat()).await;
        assert_eq!(codes[codes.len() - 2..], ["250", "221"]);
        let kept = &mailbox.emails()[0];
        assert_eq!((kept.subject.as_str(), kept.text.trim()), ("Grüße", ".ü"));
        assert_eq!((kept.to.as_str(), kept.message_id.as_str()), ("b@example.com", "1@example.com"));
    }
}
