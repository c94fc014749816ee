//! A wire to PostgreSQL that can go dead: what is sent gets nowhere and neither side is told, as when a host loses
//! power.
use std::net::SocketAddr;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

/// A TCP relay. Dropping it ends all its connections.
pub struct Wire {
    address: SocketAddr,
    cuts: watch::Sender<()>,
    relaying: AbortHandle,
}

impl Wire {
    /// Opens a wire to the server at `host`, such as `127.0.0.1:5432`.
    pub(crate) async fn to(host: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let cuts = watch::Sender::new(());
        let cut = cuts.subscribe();
        let relaying = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                connections.spawn(relay(near, host.clone(), cut.clone()));
            }
        });
        Self { address, cuts, relaying: relaying.abort_handle() }
    }

    /// The server's address through this wire.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops all traffic on the current connections; later connections work.
    pub fn cut(&self) {
        self.cuts.send_replace(());
    }
}

async fn relay(mut near: TcpStream, host: String, mut cut: watch::Receiver<()>) {
    cut.mark_unchanged();
    let Ok(mut far) = TcpStream::connect(host).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut near, &mut far) => {}
        // Both sockets stay open.
        Ok(()) = cut.changed() => std::future::pending().await,
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.relaying.abort();
    }
}
