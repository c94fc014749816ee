//! Ports for servers that are started later, or again at the same address.
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the range from which Linux gives a port to everybody who asks for any (`ip_local_port_range`), so that no
/// other test gets it meanwhile.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A free address of this machine, and another one each time.
pub fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Processes that run at the same time start at different places.
    let start = u16::try_from(std::process::id() * 97 % u32::from(COUNT)).unwrap_or_default();
    loop {
        let port = FIRST + (start + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
