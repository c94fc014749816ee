//! The ports the demo listens on.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result};

/// Those that the person asked for.
#[derive(clap::Args, Default)]
pub(crate) struct Wishes {
    /// Port of the server [default: 8080, or a free one]
    #[arg(long)]
    port: Option<u16>,
    /// Port of the server's metrics [default: 8081, or a free one]
    #[arg(long)]
    metrics_port: Option<u16>,
    /// Port of Stripe's stand-in [default: 12111, or a free one]
    #[arg(long)]
    stripe_port: Option<u16>,
    /// Port of FlockJay's stand-in [default: 12112, or a free one]
    #[arg(long)]
    flockjay_port: Option<u16>,
    /// Port of the course page [default: 12113, or a free one]
    #[arg(long)]
    course_port: Option<u16>,
    /// Port of the mail server [default: 12114, or a free one]
    #[arg(long)]
    mail_port: Option<u16>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ports {
    pub(crate) server: u16,
    pub(crate) metrics: u16,
    pub(crate) stripe: u16,
    pub(crate) flockjay: u16,
    pub(crate) course: u16,
    pub(crate) mail: u16,
}

/// Chooses the ports. Returns a note for each default port that was already taken.
pub(crate) fn choose(wishes: &Wishes) -> Result<(Ports, Vec<String>)> {
    let mut taken = Taken::default();
    let ports = Ports {
        server: taken.choose("--port", wishes.port, 8080)?,
        metrics: taken.choose("--metrics-port", wishes.metrics_port, 8081)?,
        stripe: taken.choose("--stripe-port", wishes.stripe_port, 12111)?,
        flockjay: taken.choose("--flockjay-port", wishes.flockjay_port, 12112)?,
        course: taken.choose("--course-port", wishes.course_port, 12113)?,
        mail: taken.choose("--mail-port", wishes.mail_port, 12114)?,
    };
    Ok((ports, taken.notes))
}

/// Keeps each port occupied until all are chosen, so that none is chosen twice.
#[derive(Default)]
struct Taken {
    listeners: Vec<TcpListener>,
    notes: Vec<String>,
}

impl Taken {
    fn choose(&mut self, flag: &str, wish: Option<u16>, customary: u16) -> Result<u16> {
        if let Some(port) = wish {
            return self.take(port).with_context(|| format!("{flag} {port}: cannot listen there"));
        }
        if let Ok(port) = self.take(customary) {
            return Ok(port);
        }
        let port = self.take(0).context("no port is free")?;
        self.notes.push(format!("port {customary} is in use: taking {port} (choose with {flag})"));
        Ok(port)
    }

    fn take(&mut self, port: u16) -> std::io::Result<u16> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let port = listener.local_addr()?.port();
        self.listeners.push(listener);
        Ok(port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customary_port_in_use_gives_way_to_a_free_one() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let customary = other.local_addr().unwrap().port();
        let mut taken = Taken::default();
        let port = taken.choose("--port", None, customary).unwrap();
        assert_ne!(port, customary);
        assert_eq!(taken.notes, [format!("port {customary} is in use: taking {port} (choose with --port)")]);
    }

    #[test]
    fn a_port_that_was_asked_for_is_had_or_refused() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = other.local_addr().unwrap().port();
        let refusal = Taken::default().choose("--port", Some(port), 8080).unwrap_err();
        assert!(format!("{refusal:#}").starts_with(&format!("--port {port}: cannot listen there: ")));
        drop(other);
        assert_eq!(Taken::default().choose("--port", Some(port), 8080).unwrap(), port);
    }

    #[test]
    fn no_port_is_chosen_twice() {
        let mut taken = Taken::default();
        let first = taken.choose("--port", None, 0).unwrap();
        assert!(taken.choose("--course-port", Some(first), 0).is_err());
    }
}
