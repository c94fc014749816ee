//! Who asks: the address behind proxies that are trusted, known by a pseudonym.
use axum::http::{HeaderMap, HeaderName};
use hmac::{Hmac, Mac};
use ipnet::IpNet;
use sha2::Sha256;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Client {
    /// A program on this machine: it is limited by nothing.
    Own,
    /// Somebody, by a pseudonym of their address.
    Other(String),
}

impl Client {
    /// The pseudonym, where there is one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Own => None,
            Self::Other(name) => Some(name),
        }
    }
}

/// Whose `X-Forwarded-For` is believed (`TRUSTED_PROXIES`).
#[derive(Clone, Debug, Default)]
pub struct Proxies(Arc<[IpNet]>);

impl Proxies {
    #[must_use]
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks.into())
    }

    /// The address that the request came from: the last that no trusted proxy has. Nothing where a program on this machine
    /// asks, which is no proxy of ours and speaks for nobody.
    #[must_use]
    pub fn origin(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        let mut origin = peer.to_canonical();
        let direct = !headers.contains_key(FORWARDED_FOR) && !self.trusts(origin);
        // Anybody may have put anything before what the proxy has added.
        let lines = headers.get_all(FORWARDED_FOR).iter().rev();
        let mut hops = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        while self.trusts(origin) {
            let Some(hop) = hops.next() else { break };
            // Some write the port behind it.
            let Some(address) = parse_hop(hop) else { break };
            origin = address.to_canonical();
        }
        if direct && origin.is_loopback() { None } else { Some(origin) }
    }

    /// Whether an address is one of them, so that what comes from it may be anybody's.
    #[must_use]
    pub fn speaks_for_many(&self, peer: IpAddr) -> bool {
        self.trusts(peer.to_canonical())
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

fn parse_hop(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop).ok()?.trim();
    hop.parse().ok().or_else(|| hop.parse().ok().map(|with_port: std::net::SocketAddr| with_port.ip()))
}

/// What counts as one client: of IPv6 a household or a machine has a whole /64.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

impl Default for Pseudonyms {
    fn default() -> Self {
        Self::new("")
    }
}

/// Gives addresses and emails names that don't tell them: with a key that every instance has and nobody else.
#[derive(Clone)]
pub struct Pseudonyms(Arc<Hmac<Sha256>>);

impl Pseudonyms {
    /// `secret` is one that all instances share.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        let key = ["pseudonyms ", secret].concat();
        // HMAC takes keys of any length.
        #[expect(clippy::expect_used, reason = "it never fails")]
        Self(Arc::new(Hmac::new_from_slice(key.as_bytes()).expect("any length")))
    }

    /// The client in this network, or on this machine.
    #[must_use]
    pub fn client(&self, network: Option<IpAddr>) -> Client {
        match network {
            None => Client::Own,
            Some(network) => Client::Other(self.name(&network.to_string())),
        }
    }

    /// A name for `email`, the same in either case.
    #[must_use]
    pub fn email(&self, email: &str) -> String {
        self.name(&email.to_lowercase())
    }

    fn name(&self, text: &str) -> String {
        let mut mac = Hmac::clone(&self.0);
        mac.update(text.as_bytes());
        hex::encode(&mac.finalize().into_bytes()[..12])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    /// One byte a letter, as an attacker may send it.
    fn latin1(text: &str) -> Vec<u8> {
        text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect()
    }

    fn origin(proxies: &[&str], peer: &str, forwarded: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_bytes(&latin1(line)).unwrap());
        }
        let networks = proxies.iter().map(|network| network.parse().unwrap()).collect();
        Proxies::new(networks).origin(peer.parse().unwrap(), &headers).map(|address| address.to_string())
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let is = |address: &str| Some(address.to_owned());
        assert_eq!(origin(&[], "203.0.113.9", &["198.51.100.1"]), is("203.0.113.9"));
        assert_eq!(origin(&["203.0.113.0/24"], "203.0.113.9", &["198.51.100.1"]), is("198.51.100.1"));
        let spoofed = ["192.0.2.66, 198.51.100.1", "203.0.113.7"];
        assert_eq!(origin(&["203.0.113.0/24"], "203.0.113.9", &spoofed), is("198.51.100.1"));
        assert_eq!(origin(&["203.0.113.0/24"], "203.0.113.9", &["nonsense"]), is("203.0.113.9"));
        assert_eq!(origin(&["203.0.113.0/24"], "203.0.113.9", &["198.51.100.1:4711"]), is("198.51.100.1"));
        assert_eq!(origin(&["127.0.0.1/32"], "127.0.0.1", &["é, 198.51.100.1"]), is("198.51.100.1"));
        assert_eq!(origin(&["127.0.0.1/32"], "127.0.0.1", &["é"]), is("127.0.0.1"));
        assert_eq!(
            origin(&["::ffff:0:0/96", "127.0.0.0/8"], "::ffff:127.0.0.1", &["192.0.2.1"]),
            is("192.0.2.1")
        );
    }

    #[test]
    fn this_machine_is_nobody_unless_it_speaks_for_somebody() {
        assert_eq!(origin(&[], "127.0.0.1", &[]), None);
        assert_eq!(origin(&["127.0.0.1/32"], "::1", &[]), None);
        let proxy = Some("127.0.0.1".to_owned());
        assert_eq!(origin(&["127.0.0.1/32"], "127.0.0.1", &[]), proxy, "one that names nobody is one client");
        assert_eq!(origin(&[], "127.0.0.1", &["192.0.2.1"]), Some("127.0.0.1".to_owned()));
    }

    #[test]
    fn one_household_is_one_client() {
        let pseudonyms = Pseudonyms::new("secret");
        let client = |address: &str| pseudonyms.client(Some(network(address.parse().unwrap())));
        assert_eq!(client("2001:db8:1:2::1"), client("2001:db8:1:2:ffff::9"));
        assert_ne!(client("2001:db8:1:2::1"), client("2001:db8:1:3::1"));
        assert_ne!(client("192.0.2.1"), client("192.0.2.2"));
        assert_ne!(client("192.0.2.1"), Pseudonyms::new("other").client(Some("192.0.2.1".parse().unwrap())));
        assert!(!format!("{:?}", client("192.0.2.1")).contains("192"));
    }
}
