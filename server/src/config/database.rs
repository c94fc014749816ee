//! The database's address, and the check that traffic to it can't be read or changed in transit.
use crate::outbound::is_own_host;
use clap::Args;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use std::str::FromStr;

/// The database's settings as given.
#[derive(Args, Clone, Debug, Default)]
pub struct RawDatabase {
    /// Where purchases are stored. `postgres://…` supports any number of instances; beyond this machine it needs
    /// `sslmode=verify-full` (and `sslrootcert=FILE` if your own authority issued the certificate), and it must not go
    /// through a pooler in transaction mode.
    #[arg(long, env = "DATABASE_URL", default_value = "sqlite://data/checkout.db", hide_env_values = true)]
    pub database_url: String,
    /// `1`: allows PostgreSQL beyond this machine without a verified certificate, if nobody else can reach the network
    /// in between.
    #[arg(long, env = "DATABASE_INSECURE", default_value = "")]
    pub database_insecure: String,
}

impl RawDatabase {
    /// Whether the database is a file of this server's own.
    pub(super) fn is_sqlite(&self) -> bool {
        self.database_url.trim().starts_with("sqlite:")
    }

    /// The address, or the setting that is wrong and what to do about it. Never repeats the address, which may hold a
    /// password.
    pub fn check(&self) -> Result<String, (&'static str, String)> {
        let wrong = |message: &str| Err(("DATABASE_URL", message.to_owned()));
        let verifies = match self.database_insecure.trim() {
            "" | "0" => true,
            "1" => false,
            other => return Err(("DATABASE_INSECURE", format!("{other:?} must be 0 or 1"))),
        };
        let url = self.database_url.trim();
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => return Ok(url.to_owned()),
            Some("postgres" | "postgresql") => {}
            _ => return wrong("must begin with sqlite:// or postgres://"),
        }
        let Ok(options) = PgConnectOptions::from_str(url) else {
            return wrong("must look like postgres://user:password@host:5432/database");
        };
        let verified = matches!(options.get_ssl_mode(), PgSslMode::VerifyFull);
        let own = options.get_socket().is_some()
            || options.get_host().starts_with('/')
            || is_own_host(options.get_host());
        if verifies && !own && !verified {
            return Err((
                "DATABASE_URL",
                format!(
                    "{} is another machine, and the connection to it is not verified: add sslmode=verify-full (and \
                     sslrootcert=FILE if your own authority issued its certificate), or set DATABASE_INSECURE=1 if \
                     nobody else can reach the network in between",
                    options.get_host()
                ),
            ));
        }
        Ok(url.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, insecure: &str) -> Result<String, (&'static str, String)> {
        RawDatabase { database_url: url.to_owned(), database_insecure: insecure.to_owned() }.check()
    }

    #[test]
    fn what_goes_beyond_this_machine_is_verified() {
        for url in [
            "sqlite://data/checkout.db",
            "postgres://a@localhost/b",
            "postgres://a@127.0.0.1:5433/b",
            "postgresql://a@[::1]/b",
            "postgres:///b?host=/run/postgresql",
            "postgres://a:secret@db.example/b?sslmode=verify-full",
        ] {
            assert_eq!(check(url, "").as_deref(), Ok(url));
        }
        for url in [
            "postgres://a:secret@db.example/b",
            "postgres://a:secret@127.0.0.1.example/b?sslmode=prefer",
            "postgres://a:secret@10.0.0.5/b?sslmode=require",
            "postgres://a:secret@db.example/b?sslmode=verify-ca",
            "postgres://a:secret@localhost/b?host=db.example",
        ] {
            let (setting, message) = check(url, "").unwrap_err();
            assert!(setting == "DATABASE_URL" && message.contains("sslmode=verify-full"), "{message}");
            assert!(!message.contains("secret"), "{message}");
            assert_eq!(check(url, "1").as_deref(), Ok(url));
        }
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(check("mysql://a@b/c", "1").unwrap_err().0, "DATABASE_URL");
        assert_eq!(check("postgres://a@b:port/c", "1").unwrap_err().0, "DATABASE_URL");
        assert_eq!(check("sqlite://a", "yes").unwrap_err().0, "DATABASE_INSECURE");
    }
}
