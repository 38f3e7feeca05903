//! A server whose answers are written by hand.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// How a client is told where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// `Content-Length`.
    Length,
    /// Chunks, of which the last is empty.
    Chunked,
    /// The connection is closed.
    UntilClose,
    /// `Content-Length` promises one byte more, and the connection breaks.
    Broken,
    /// Chunks without end: the body again and again.
    Endless,
}

/// One answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: &'static str,
    pub body: Vec<u8>,
    pub framing: Framing,
}

impl Answer {
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, headers: "", body: body.into(), framing: Framing::Length }
    }
}

/// A server on 127.0.0.1, until it is dropped.
pub struct Canned {
    pub endpoint: String,
    requests: Arc<Mutex<Vec<String>>>,
    sent: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Drop for Canned {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Say = dyn Fn(&str, usize) -> Answer + Send + Sync;

impl Canned {
    /// `say` hears the request's first line, and how many requests there were before.
    pub async fn start(say: impl Fn(&str, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (requests, sent) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<AtomicU64>::default());
        let (heard, counter, say) =
            (Arc::clone(&requests), Arc::clone(&sent), Arc::<Say>::from(Box::new(say) as Box<Say>));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (heard, counter, say) = (Arc::clone(&heard), Arc::clone(&counter), Arc::clone(&say));
                tokio::spawn(async move { serve(stream, &heard, &counter, &*say).await });
            }
        });
        Self { endpoint, requests, sent, task }
    }

    /// The first lines of all requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Bytes of bodies that a client has taken, or that wait in the sockets between.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

async fn serve(stream: TcpStream, heard: &Mutex<Vec<String>>, sent: &AtomicU64, say: &Say) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut stream = BufReader::new(stream);
    loop {
        let first = request(&mut stream).await?;
        let earlier = {
            let mut heard = heard.lock().unwrap();
            heard.push(first.clone());
            heard.len() - 1
        };
        let answer = say(&first, earlier);
        write(&mut stream, &answer, sent).await.ok()?;
        if matches!(answer.framing, Framing::UntilClose | Framing::Broken) {
            return stream.shutdown().await.ok();
        }
    }
}

/// The first line of a request, which is read to its end.
async fn request(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let (mut first, mut length) = (String::new(), 0);
    stream.read_line(&mut first).await.ok().filter(|read| *read > 0)?;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(first.trim_end().to_owned())
}

async fn write(stream: &mut BufReader<TcpStream>, answer: &Answer, sent: &AtomicU64) -> std::io::Result<()> {
    let Answer { status, headers, body, framing } = answer;
    let announced = match framing {
        Framing::Length => format!("Content-Length: {}\r\n", body.len()),
        Framing::Broken => format!("Content-Length: {}\r\n", body.len() + 1),
        Framing::Chunked | Framing::Endless => "Transfer-Encoding: chunked\r\n".to_owned(),
        Framing::UntilClose => "Connection: close\r\n".to_owned(),
    };
    let head = format!("HTTP/1.1 {status} Said\r\n{headers}{announced}\r\n");
    stream.write_all(head.as_bytes()).await?;
    match framing {
        Framing::Length | Framing::UntilClose | Framing::Broken => stream.write_all(body).await?,
        Framing::Chunked => {
            chunk(stream, body).await?;
            stream.write_all(b"0\r\n\r\n").await?;
        }
        // A client that reads all of it is ended by the bound of the test's own patience, and not by the machine's memory.
        Framing::Endless => {
            while sent.load(Ordering::Relaxed) < MOST {
                chunk(stream, body).await?;
                sent.fetch_add(body.len() as u64, Ordering::Relaxed);
            }
            stream.write_all(b"0\r\n\r\n").await?;
        }
    }
    stream.flush().await
}

/// Where an endless body ends after all.
pub const MOST: u64 = 256 << 20;

async fn chunk(stream: &mut BufReader<TcpStream>, body: &[u8]) -> std::io::Result<()> {
    if body.is_empty() {
        return Ok(());
    }
    stream.write_all(format!("{:x}\r\n", body.len()).as_bytes()).await?;
    stream.write_all(body).await?;
    stream.write_all(b"\r\n").await
}
