//! Identifies clients: by the address behind trusted proxies, under a pseudonym.
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

/// The client that sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Client {
    /// A client without limits (`LIMIT_NETWORKS`).
    Unlimited,
    /// A client with limits, as the networks that contain its address, smallest first.
    Limited(Vec<ClientNetwork>),
}

/// One network of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientNetwork {
    /// Its pseudonym.
    pub name: String,
    /// How many times one client's limits it may use.
    pub times: u32,
}

impl Client {
    /// The pseudonym of the smallest network; `None` for a client without limits.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.networks().first().map(|network| network.name.as_str())
    }

    /// All of its networks; none for a client without limits.
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
    /// How many times the usual limits it may use.
    pub times: u32,
}

impl Origin {
    /// The networks that count as one client, each with how many times one client's limits it may use. In IPv6 a
    /// machine has a /64, a household often a /56, and an organisation a /48: each may do more than the one before, but
    /// less than all of its parts together.
    pub fn networks(self) -> impl Iterator<Item = (IpNet, u32)> {
        let sizes: &[_] = if self.address.is_ipv4() { &[(32, 1)] } else { &[(64, 1), (56, 4), (48, 16)] };
        // These prefix lengths are always valid.
        sizes.iter().filter_map(move |(length, times)| {
            let network = IpNet::new(self.address, *length).ok()?.trunc();
            Some((network, times * self.times))
        })
    }
}

/// Networks with higher limits than others, such as an office's (`LIMIT_NETWORKS`).
#[derive(Clone, Debug, Default)]
pub struct Networks(Arc<[(IpNet, Option<u32>)]>);

impl Networks {
    /// Takes each network with how many times the usual limits it may use; `None` means no limits.
    #[must_use]
    pub fn new(networks: Vec<(IpNet, Option<u32>)>) -> Self {
        Self(networks.into())
    }

    /// The origin against which requests from `address` count; `None` if it has no limits. If several networks contain
    /// it, the smallest counts.
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

/// Detects that all requests seem to come from this machine, as they do behind a proxy that isn't configured as
/// trusted.
#[derive(Debug, Default)]
pub struct Strangers(AtomicU32);

impl Strangers {
    /// Number of requests after which it is no coincidence that all are from this machine.
    const MANY: u32 = 100;

    /// Records a request's origin. Returns `true` once: when there were many, and all of them came from this machine.
    pub fn are_missing(&self, address: IpAddr) -> bool {
        if !address.is_loopback() {
            self.0.store(u32::MAX, Ordering::Relaxed);
            return false;
        }
        let one_more = |seen: u32| seen.checked_add(1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more) == Ok(Self::MANY)
    }
}

/// Proxies whose `X-Forwarded-For` is trusted (`TRUSTED_PROXIES`).
#[derive(Clone, Debug, Default)]
pub struct Proxies(Arc<[IpNet]>);

impl Proxies {
    #[must_use]
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks.into())
    }

    /// The address that the request came from: the last one that isn't a trusted proxy's.
    #[must_use]
    pub fn origin(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut origin = peer.to_canonical();
        // Read from the end: a client can send anything before what the proxies have appended.
        let lines = headers.get_all(FORWARDED_FOR).iter().rev();
        let mut hops = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        while self.trusts(origin) {
            let Some(hop) = hops.next() else { break };
            // Some proxies append the port.
            let Some(address) = parse_hop(hop) else { break };
            origin = address.to_canonical();
        }
        origin
    }

    /// Whether an address is a trusted proxy's, so that its requests may come from many clients.
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
    // Some proxies write the brackets even without a port.
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    bare.parse().ok().or_else(|| hop.parse().ok().map(|with_port: std::net::SocketAddr| with_port.ip()))
}

/// The network that counts as one client where only one can: in IPv6 a household's /56.
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

/// Pseudonyms of addresses and emails, keyed with a secret that only the instances have.
#[derive(Clone)]
pub struct Pseudonyms(Arc<Hmac<Sha256>>);

impl Pseudonyms {
    /// All instances must use the same `secret`.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        let key = ["pseudonyms ", secret].concat();
        // HMAC takes keys of any length.
        #[expect(clippy::expect_used, reason = "it never fails")]
        Self(Arc::new(Hmac::new_from_slice(key.as_bytes()).expect("any length")))
    }

    /// The client at `origin`; without an origin, a client without limits.
    #[must_use]
    pub fn client(&self, origin: Option<Origin>) -> Client {
        let Some(origin) = origin else { return Client::Unlimited };
        let named = |(network, times): (IpNet, u32)| {
            // An IPv4 client is named by its bare address, so that pseudonyms stay the same.
            let text = if network.max_prefix_len() == network.prefix_len() {
                network.addr().to_string()
            } else {
                network.to_string()
            };
            ClientNetwork { name: self.name(&text), times }
        };
        Client::Limited(origin.networks().map(named).collect())
    }

    /// The pseudonym of `email`, the same in any spelling.
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

    /// One byte per character, as an attacker may send it.
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
