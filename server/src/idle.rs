//! Connections on which nothing happens are closed: each takes a file of the process, and there are not many.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep, sleep};

/// How long nothing may come or go. A page that listens is sent something every few seconds, and no answer takes that long.
const SILENCE: Duration = Duration::from_mins(2);
/// How long bytes may come without an answer: a request that never ends is none.
const UNANSWERED: Duration = Duration::from_mins(15);

/// A listener whose connections are [`Bounded`].
pub(crate) struct Patient(pub(crate) TcpListener);

impl Listener for Patient {
    type Io = Bounded<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        (Bounded::new(stream, SILENCE, UNANSWERED), address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

/// A connection whose reads fail once nothing has come or gone for a while.
pub(crate) struct Bounded<S> {
    stream: S,
    silence: Duration,
    unanswered: Duration,
    last: Instant,
    last_written: Instant,
    alarm: Pin<Box<Sleep>>,
}

impl<S> Bounded<S> {
    fn new(stream: S, silence: Duration, unanswered: Duration) -> Self {
        let now = Instant::now();
        Self {
            stream,
            silence,
            unanswered,
            last: now,
            last_written: now,
            alarm: Box::pin(sleep(silence)),
        }
    }

    fn deadline(&self) -> Instant {
        (self.last + self.silence).min(self.last_written + self.unanswered)
    }

    fn has_written(&mut self, bytes: usize) {
        if bytes > 0 {
            self.last = Instant::now();
            self.last_written = self.last;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let has_read = buffer.filled().len() > before;
        if has_read {
            self.last = Instant::now();
        }
        let deadline = self.deadline();
        if read.is_ready() && (!has_read || Instant::now() < deadline) {
            return read;
        }
        while Instant::now() < deadline {
            // It is put off only when it goes off.
            if self.alarm.deadline() > deadline {
                self.alarm.as_mut().reset(deadline);
            }
            ready!(self.alarm.as_mut().poll(context));
            self.alarm.as_mut().reset(deadline);
        }
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.has_written(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, parts))?;
        self.has_written(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::Write;

    use super::*;

    const SHORT: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_hours(1);

    /// A client, and the server's end of its connection.
    async fn connected(silence: Duration, unanswered: Duration) -> (std::net::TcpStream, Bounded<TcpStream>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        (client, Bounded::new(stream, silence, unanswered))
    }

    async fn read(connection: &mut Bounded<TcpStream>) -> io::Result<usize> {
        let mut bytes = [0; 16];
        let mut buffer = ReadBuf::new(&mut bytes);
        poll_fn(|context| Pin::new(&mut *connection).poll_read(context, &mut buffer)).await?;
        Ok(buffer.filled().len())
    }

    fn on_runtime<T>(test: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(test)
    }

    #[test]
    fn a_connection_on_which_nothing_happens_is_closed() {
        on_runtime(async {
            let (mut client, mut server) = connected(SHORT, LONG).await;
            client.write_all(b"G").unwrap();
            assert_eq!(read(&mut server).await.unwrap(), 1);
            assert_eq!(read(&mut server).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        });
    }

    #[test]
    fn a_request_that_never_ends_is_closed_and_one_that_is_answered_is_not() {
        on_runtime(async {
            let (mut client, mut server) = connected(LONG, SHORT).await;
            let error = loop {
                client.write_all(b"x").unwrap();
                if let Err(error) = read(&mut server).await {
                    break error;
                }
            };
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            let answer = poll_fn(|context| Pin::new(&mut server).poll_write(context, b"a"));
            assert_eq!(answer.await.unwrap(), 1);
            client.write_all(b"x").unwrap();
            assert!(read(&mut server).await.unwrap() > 0);
        });
    }
}
