//! Who asks: the address behind proxies that are trusted, known by a pseudonym.
use crate::email::normalized;
use axum::http::{HeaderMap, HeaderName};
use hmac::{Hmac, Mac};
use ipnet::IpNet;
use sha2::Sha256;
use shared::Email;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Client {
    /// One that no limit is for (`LIMIT_NETWORKS`).
    Unlimited,
    /// Somebody, by the networks that their address is in: the smallest first.
    Limited(Vec<ClientNetwork>),
}

/// A network of a client's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientNetwork {
    /// Its pseudonym.
    pub name: String,
    /// How many times as much as one client it may do.
    pub times: u32,
}

impl Client {
    /// The pseudonym of the smallest network, where there is a limit for it.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.networks().first().map(|network| network.name.as_str())
    }

    /// All of its networks; none of one without limits.
    #[must_use]
    pub fn networks(&self) -> &[ClientNetwork] {
        match self {
            Self::Unlimited => &[],
            Self::Limited(networks) => networks,
        }
    }
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    pub address: IpAddr,
    /// How many times as much as others it may do.
    pub times: u32,
}

impl Origin {
    /// What counts as one client, and how many times as much as one it may do. Of IPv6 a machine has a /64, a household
    /// often a /56, and an organisation a /48: each of them may do more than the last, and less than all of its parts.
    pub fn networks(self) -> impl Iterator<Item = (IpNet, u32)> {
        let sizes: &[_] = if self.address.is_ipv4() { &[(32, 1)] } else { &[(64, 1), (56, 4), (48, 16)] };
        // The lengths are allowed ones.
        sizes.iter().filter_map(move |(length, times)| {
            let network = IpNet::new(self.address, *length).ok()?.trunc();
            Some((network, times * self.times))
        })
    }
}

/// Networks that may do more than others, such as an office's (`LIMIT_NETWORKS`).
#[derive(Clone, Debug, Default)]
pub struct Networks(Arc<[(IpNet, Option<u32>)]>);

impl Networks {
    /// Each with how many times as much it may do; nothing where no limit is for it.
    #[must_use]
    pub fn new(networks: Vec<(IpNet, Option<u32>)>) -> Self {
        Self(networks.into())
    }

    /// Whom the limits count what comes from `address` against; nobody where there are none for it. Of two networks that
    /// have it the smaller counts.
    #[must_use]
    pub fn limited(&self, address: IpAddr) -> Option<Origin> {
        let known = self.0.iter().filter(|(network, _)| network.contains(&address));
        let times = match known.max_by_key(|(network, _)| network.prefix_len()) {
            Some((_, times)) => (*times)?,
            None => 1,
        };
        Some(Origin { address, times })
    }
}

/// Notices where everybody seems to be on this machine, as behind a proxy that nobody has named.
#[derive(Debug, Default)]
pub struct Strangers(AtomicU32);

impl Strangers {
    /// Requests after which it is no chance that all are from here.
    const MANY: u32 = 100;

    /// Takes note of a request's origin; `true` once, where there were many and all of them came from this machine.
    pub fn are_missing(&self, address: IpAddr) -> bool {
        if !address.is_loopback() {
            self.0.store(u32::MAX, Ordering::Relaxed);
            return false;
        }
        let one_more = |seen: u32| seen.checked_add(1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more) == Ok(Self::MANY)
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

    /// The address that the request came from: the last that no trusted proxy has.
    #[must_use]
    pub fn origin(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut origin = peer.to_canonical();
        // Anybody may have put anything before what the proxy has added.
        let lines = headers.get_all(FORWARDED_FOR).iter().rev();
        let mut hops = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        while self.trusts(origin) {
            let Some(hop) = hops.next() else { break };
            // Some write the port behind it.
            let Some(address) = parse_hop(hop) else { break };
            origin = address.to_canonical();
        }
        origin
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
    // Some write the brackets also where no port follows.
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    bare.parse().ok().or_else(|| hop.parse().ok().map(|with_port: std::net::SocketAddr| with_port.ip()))
}

/// What counts as one client where only one network can: of IPv6 a household's /56.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 72))),
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

    /// The client at `origin`; one without limits where there is none.
    #[must_use]
    pub fn client(&self, origin: Option<Origin>) -> Client {
        let Some(origin) = origin else { return Client::Unlimited };
        let named = |(network, times): (IpNet, u32)| {
            // Of IPv4 it is the address alone, as ever.
            let text = if network.max_prefix_len() == network.prefix_len() {
                network.addr().to_string()
            } else {
                network.to_string()
            };
            ClientNetwork { name: self.name(&text), times }
        };
        Client::Limited(origin.networks().map(named).collect())
    }

    /// A name for `email`, the same in any spelling.
    #[must_use]
    pub fn email(&self, email: &Email) -> String {
        self.name(&normalized(email))
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

    fn origin(proxies: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_bytes(&latin1(line)).unwrap());
        }
        let networks = proxies.iter().map(|network| network.parse().unwrap()).collect();
        Proxies::new(networks).origin(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(origin(&[], "203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(origin(&["203.0.113.0/24"], "203.0.113.9", &["198.51.100.1"]), "198.51.100.1");
        let spoofed = ["192.0.2.66, 198.51.100.1", "203.0.113.7"];
        assert_eq!(origin(&["203.0.113.0/24"], "203.0.113.9", &spoofed), "198.51.100.1");
        assert_eq!(origin(&["203.0.113.0/24"], "203.0.113.9", &["nonsense"]), "203.0.113.9");
        assert_eq!(origin(&["203.0.113.0/24"], "203.0.113.9", &["198.51.100.1:4711"]), "198.51.100.1");
        for written in ["2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:4711"] {
            assert_eq!(origin(&["203.0.113.0/24"], "203.0.113.9", &[written]), "2001:db8::1", "{written}");
        }
        assert_eq!(origin(&["127.0.0.1/32"], "127.0.0.1", &["é, 198.51.100.1"]), "198.51.100.1");
        assert_eq!(origin(&["127.0.0.1/32"], "127.0.0.1", &["é"]), "127.0.0.1");
        assert_eq!(
            origin(&["::ffff:0:0/96", "127.0.0.0/8"], "::ffff:127.0.0.1", &["192.0.2.1"]),
            "192.0.2.1"
        );
        assert_eq!(origin(&[], "127.0.0.1", &["192.0.2.1"]), "127.0.0.1");
    }

    fn at(address: &str) -> Origin {
        Origin { address: address.parse().unwrap(), times: 1 }
    }

    #[test]
    fn one_household_is_one_client_and_one_organisation_is_not_without_an_end() {
        let pseudonyms = Pseudonyms::new("secret");
        let client = |address: &str| pseudonyms.client(Some(at(address)));
        assert_eq!(client("2001:db8:1:2::1"), client("2001:db8:1:2:ffff::9"));
        let (one, other) = (client("2001:db8:1:2::1"), client("2001:db8:1:3::1"));
        assert_ne!(one.name(), other.name());
        assert_eq!(one.networks()[1..], other.networks()[1..], "the same /56 and /48");
        assert_eq!(one.networks().iter().map(|network| network.times).collect::<Vec<_>>(), [1, 4, 16]);
        assert_ne!(client("2001:db8:1:100::1").networks()[1], one.networks()[1]);
        assert_eq!(client("2001:db8:1:100::1").networks()[2], one.networks()[2]);
        assert_ne!(client("192.0.2.1"), client("192.0.2.2"));
        assert_ne!(client("192.0.2.1"), Pseudonyms::new("other").client(Some(at("192.0.2.1"))));
        assert!(!format!("{:?}", client("192.0.2.1")).contains("192"));
    }

    #[test]
    fn that_nobody_comes_from_elsewhere_is_noticed_once() {
        let (own, other) = ("127.0.0.1".parse().unwrap(), "192.0.2.1".parse().unwrap());
        let noticed = |strangers: &Strangers| (0..300).filter(|_| strangers.are_missing(own)).count();
        assert_eq!(noticed(&Strangers::default()), 1);
        let some = Strangers::default();
        some.are_missing(other);
        assert_eq!(noticed(&some), 0);
    }

    #[test]
    fn networks_may_do_more_or_whatever_they_like() {
        let network = |text: &str, times| (text.parse().unwrap(), times);
        let known = Networks::new(vec![
            network("203.0.113.0/24", Some(10)),
            network("203.0.113.7/32", None),
            network("2001:db8::/32", Some(3)),
        ]);
        let times = |address: &str| known.limited(address.parse().unwrap()).map(|origin| origin.times);
        assert_eq!(times("203.0.113.9"), Some(10));
        assert_eq!(times("203.0.113.7"), None, "the smaller network counts");
        assert_eq!(times("127.0.0.1"), Some(1), "this machine is no exception");
        let origin = known.limited("2001:db8::1".parse().unwrap()).unwrap();
        assert_eq!(origin.networks().map(|(_, times)| times).collect::<Vec<_>>(), [3, 12, 48]);
    }
}
