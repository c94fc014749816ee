//! One address in front of several instances: each connection goes to the next instance that accepts it.

use std::io;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};

use anyhow::{Context, Result};

/// Listens until the process ends.
pub(crate) fn listen(port: u16, instances: Vec<u16>) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .with_context(|| format!("--port {port}: cannot listen there"))?;
    std::thread::spawn(move || serve(&listener, &instances));
    Ok(())
}

fn serve(listener: &TcpListener, instances: &[u16]) {
    let mut order = instances.to_vec();
    for client in listener.incoming().flatten() {
        order.rotate_left(1);
        let order = order.clone();
        std::thread::spawn(move || forward(client, &order));
    }
}

/// Forwards until either side hangs up. Both sides notice a broken connection by themselves.
fn forward(client: TcpStream, order: &[u16]) {
    let connect = |port: &u16| TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).ok();
    let Some(instance) = order.iter().find_map(connect) else { return };
    let (Ok(asking), Ok(asked)) = (client.try_clone(), instance.try_clone()) else { return };
    std::thread::spawn(move || copy(asking, asked));
    copy(instance, client);
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    #[test]
    fn connections_alternate_and_pass_by_an_instance_that_is_gone() {
        let (one, two) = (instance("one"), instance("two"));
        let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let front = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = front.local_addr().unwrap().port();
        std::thread::spawn(move || serve(&front, &[one, two, gone]));
        let answers: Vec<_> = (0..6).map(|_| ask(port)).collect();
        assert_eq!(answers, ["two", "one", "one", "two", "one", "one"]);
    }

    fn instance(name: &'static str) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                stream.write_all(name.as_bytes()).unwrap();
            }
        });
        port
    }

    fn ask(port: u16) -> String {
        let mut answer = String::new();
        TcpStream::connect(("127.0.0.1", port)).unwrap().read_to_string(&mut answer).unwrap();
        answer
    }
}
