//! Asks the emulator whether it is up.

use std::{io, net::Ipv4Addr};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const OK: &[u8] = b"HTTP/1.1 200";

/// Whether whoever listens on this port says that it is healthy. Nobody listening is no error.
pub(crate) async fn is_healthy(port: u16) -> bool {
    ask(port).await.is_ok_and(|answer| answer == OK)
}

async fn ask(port: u16) -> io::Result<[u8; OK.len()]> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    let request = format!("GET /_localstack/health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut beginning = [0; OK.len()];
    stream.read_exact(&mut beginning).await?;
    // To its end, so that the server does not complain of a connection that breaks.
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    Ok(beginning)
}
