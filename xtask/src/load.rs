//! `cargo xtask load`: asks a server for pages as fast as it answers them.
//!
//! Small enough to leave the processor to the server: a thread a connection, which is kept; each asks again when the last answer is
//! there whole.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::json;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Ask a server for pages as fast as it answers, and print as JSON how fast that was.
#[derive(Args)]
pub(crate) struct Load {
    /// Where the server listens, HOST:PORT
    address: String,
    /// The paths to ask for, in turn
    #[arg(required = true)]
    paths: Vec<String>,
    /// How many connections ask at once
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=256))]
    connections: u16,
    /// How long
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
}

impl Load {
    pub(crate) fn run(&self) -> Result<ExitCode> {
        let next = AtomicUsize::new(0);
        let started = Instant::now();
        let deadline = started + Duration::from_secs(self.seconds);
        let answers: Vec<Result<Vec<Answer>>> = thread::scope(|scope| {
            let threads: Vec<_> = (0..self.connections)
                .map(|_| scope.spawn(|| self.ask(&next, deadline)))
                .collect();
            threads
                .into_iter()
                .map(|thread| {
                    thread
                        .join()
                        .unwrap_or_else(|_| bail!("a connection's thread panicked"))
                })
                .collect()
        });
        let seconds = started.elapsed().as_secs_f64();
        let mut all = Vec::new();
        for answers in answers {
            all.extend(answers?);
        }
        let mut times: Vec<f64> = all.iter().map(|answer| answer.seconds).collect();
        times.sort_by(f64::total_cmp);
        let at = |share: usize| times.get((times.len() * share / 100).min(times.len().saturating_sub(1)));
        let report = json!({
            "requests": all.len(),
            "failed": all.iter().filter(|answer| answer.status != 200).count(),
            "bytes": all.iter().map(|answer| answer.bytes).sum::<usize>(),
            "seconds": seconds,
            "median": at(50),
            "percentile95": at(95),
        });
        println!("{report}");
        Ok(ExitCode::SUCCESS)
    }

    fn ask(&self, next: &AtomicUsize, deadline: Instant) -> Result<Vec<Answer>> {
        let stream =
            TcpStream::connect(&self.address).with_context(|| format!("cannot connect to {}", self.address))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut connection = Connection {
            writer: stream.try_clone()?,
            reader: BufReader::with_capacity(64 * 1024, stream),
            host: &self.address,
            line: String::new(),
            body: Vec::new(),
        };
        let mut answers = Vec::new();
        while Instant::now() < deadline {
            let path = &self.paths[next.fetch_add(1, Ordering::Relaxed) % self.paths.len()];
            answers.push(connection.get(path)?);
        }
        Ok(answers)
    }
}

struct Answer {
    status: u16,
    bytes: usize,
    seconds: f64,
}

struct Connection<'a> {
    writer: TcpStream,
    reader: BufReader<TcpStream>,
    host: &'a str,
    line: String,
    body: Vec<u8>,
}

impl Connection<'_> {
    /// One request to the last byte of its answer, whose length must be told beforehand.
    fn get(&mut self, path: &str) -> Result<Answer> {
        let started = Instant::now();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host);
        self.writer.write_all(request.as_bytes())?;
        let status = self.line()?.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.with_context(|| format!("what answered is no HTTP: {:?}", self.line))?;
        let mut length = None;
        while !self.line()?.is_empty() {
            if let Some((name, value)) = self.line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = Some(value.trim().parse()?);
            }
        }
        let length: usize = length.with_context(|| format!("the answer to {path} does not tell its length"))?;
        self.body.resize(length, 0);
        self.reader.read_exact(&mut self.body)?;
        Ok(Answer {
            status,
            bytes: length,
            seconds: started.elapsed().as_secs_f64(),
        })
    }

    /// The next line of the head.
    fn line(&mut self) -> Result<&str> {
        self.line.clear();
        if self.reader.read_line(&mut self.line)? == 0 {
            bail!("the server closed the connection");
        }
        let length = self.line.trim_end().len();
        self.line.truncate(length);
        Ok(&self.line)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn answers_are_read_to_their_last_byte_and_failures_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut asked = Vec::new();
            for answer in [
                "200 OK\r\ncontent-length: 5\r\n\r\n12\n45",
                "404 No\r\nContent-Length: 0\r\n\r\n",
            ] {
                let mut request = String::new();
                while !request.ends_with("\r\n\r\n") {
                    reader.read_line(&mut request).unwrap();
                }
                asked.push(request.lines().next().unwrap().to_owned());
                write!(&stream, "HTTP/1.1 {answer}").unwrap();
            }
            asked
        });
        let stream = TcpStream::connect(&address).unwrap();
        let mut connection = Connection {
            writer: stream.try_clone().unwrap(),
            reader: BufReader::new(stream),
            host: &address,
            line: String::new(),
            body: Vec::new(),
        };
        let first = connection.get("/a").unwrap();
        assert_eq!((first.status, first.bytes), (200, 5));
        assert_eq!(connection.body, b"12\n45");
        let second = connection.get("/b").unwrap();
        assert_eq!((second.status, second.bytes), (404, 0));
        assert_eq!(server.join().unwrap(), ["GET /a HTTP/1.1", "GET /b HTTP/1.1"]);
        assert!(connection.get("/c").is_err(), "the server is gone");
    }
}
