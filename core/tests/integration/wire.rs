//! What goes over a socket.

use std::io::{self, Cursor, Read, Write};
use std::time::Duration;

use pipulate::error::Cause;
use pipulate::store::wire::{
    Call, Reply, Request, Response, read_frame, read_message, serve, write_frame, write_message,
};
use pipulate::{Error, Revision, Source, Tenant};
use proptest::prelude::*;

/// Every error there is, with a source wherever there may be one.
fn errors() -> Vec<Error> {
    let (job, step) = ("job".parse().unwrap(), "step".parse().unwrap());
    let operation = "set step `a`".to_owned();
    let inner = io::Error::other(std::fmt::Error);
    let source = Cause::of(&inner);
    let text = |text: &str| text.to_owned();
    let (job, step): (pipulate::JobKey, pipulate::StepName) = (job, step);
    vec![
        Error::MissingStep {
            job: job.clone(),
            step: step.clone(),
            available: vec![text("a"), text("b")],
        },
        Error::MissingJob {
            operation: operation.clone(),
            job: job.clone(),
        },
        Error::JobExists {
            job: job.clone(),
            deleted: true,
        },
        Error::Deleted {
            operation: operation.clone(),
            job: job.clone(),
        },
        Error::Finalized {
            operation: operation.clone(),
            job: job.clone(),
        },
        Error::Conflict {
            job: job.clone(),
            step: step.clone(),
            expected: Revision::NONE,
            found: Revision::from_number(u64::MAX),
        },
        Error::InvalidName {
            what: text("job key"),
            name: text("\0"),
            reason: text("why"),
        },
        Error::Unrepresentable {
            job: job.clone(),
            step: step.clone(),
            path: text("a[0]"),
            reason: text("why"),
        },
        Error::TooLarge {
            job: job.clone(),
            step: step.clone(),
            size: u64::MAX,
            limit: 1,
        },
        Error::Decode {
            job: job.clone(),
            step,
            expected: text("u8"),
            source: source.clone(),
        },
        Error::Busy {
            operation: operation.clone(),
            awaited: text("others"),
            waited: Duration::from_millis(30_001),
        },
        Error::Full {
            operation: operation.clone(),
            place: text("file"),
            source: source.clone(),
        },
        Error::Gone {
            operation: operation.clone(),
            place: text("file"),
            replaced: true,
        },
        Error::ReadOnly {
            operation: operation.clone(),
            place: text("file"),
        },
        Error::NewerSchema {
            place: text("file"),
            found: 2,
            supported: 1,
        },
        Error::Place {
            place: text("file"),
            reason: text("why"),
            source: Some(source.clone()),
        },
        Error::Store {
            operation: operation.clone(),
            source: source.clone(),
        },
        Error::Connection {
            operation: operation.clone(),
            source,
        },
        Error::Protocol {
            operation,
            reason: text("why"),
        },
    ]
}

#[test]
fn errors_travel_without_loss() {
    for error in errors() {
        let mut wire = Vec::new();
        let reply: Reply = Err(error.clone());
        write_message(&mut wire, &reply).unwrap();
        let read: Reply = read_message(&mut wire.as_slice(), 10_000).unwrap().unwrap();
        assert_eq!(read, Err(error.clone()));
        let message = error.full_message();
        assert!(!message.is_empty() && message == read.unwrap_err().full_message());
        assert!(format!("{error:?}").starts_with(error.name()), "{}", error.name());
    }
}

#[test]
fn errors_say_what_to_do() {
    let named: Vec<&str> = errors()
        .iter()
        .filter(|error| error.help().is_none())
        .map(Error::name)
        .collect();
    assert_eq!(named, ["Place", "Store", "Protocol"]);
}

#[test]
fn help_speaks_to_notebooks_and_to_programs() {
    let help = |name: &str| {
        let error = errors().into_iter().find(|error| error.name() == name).unwrap();
        error.help().unwrap()
    };
    assert_eq!(
        help("Finalized"),
        "`%pip_unfinalize` in a notebook, or `job.unfinalize()`, opens it; nothing is lost by it."
    );
    assert_eq!(
        help("MissingStep"),
        "Set it first, or say what to take without it: `%pip_get step --default EXPR` in a notebook, or \
         `job.get_or(\"step\", value)`."
    );
    assert_eq!(
        help("Decode"),
        "`%pip_get step` in a notebook, or `job.get_json(\"step\")`, shows what is there."
    );
    assert_eq!(
        help("Deleted"),
        "`pip.undelete(\"job\")` brings it back; or use another key."
    );
    let odd = Error::Decode {
        job: "job".parse().unwrap(),
        step: "my step".parse().unwrap(),
        expected: "u8".to_owned(),
        source: Cause::message("why"),
    };
    assert!(odd.help().unwrap().starts_with("`%pip_get \"my step\"`"), "{odd:?}");
}

#[test]
fn frames_are_bounded_and_whole() {
    let mut wire = Vec::new();
    write_frame(&mut wire, b"hello").unwrap();
    write_frame(&mut wire, b"").unwrap();
    assert_eq!(wire, b"\x05\0\0\0hello\0\0\0\0");
    let mut reader = Cursor::new(wire.clone());
    assert_eq!(read_frame(&mut reader, 5).unwrap().unwrap(), b"hello");
    assert_eq!(read_frame(&mut reader, 5).unwrap().unwrap(), b"");
    assert_eq!(read_frame(&mut reader, 5).unwrap(), None);
    let error = read_frame(&mut Cursor::new(&wire), 4).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().contains("5 bytes")),
        (io::ErrorKind::InvalidData, true)
    );
    for cut in 1..9 {
        assert_eq!(
            read_frame(&mut &wire[..cut], 5).unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof,
            "{cut}"
        );
    }
    let lie = u32::MAX.to_le_bytes();
    assert_eq!(
        read_frame(&mut &lie[..], usize::MAX).unwrap_err().kind(),
        io::ErrorKind::UnexpectedEof
    );
}

struct Stream {
    input: Cursor<Vec<u8>>,
    output: Vec<u8>,
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.input.read(buffer)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn nonsense_is_answered_and_the_connection_goes_on() {
    let mut input = Vec::new();
    write_frame(&mut input, b"{\"what\": \"is this\"}").unwrap();
    write_frame(&mut input, b"\xff").unwrap();
    let request = Request::Get {
        job: "job".parse().unwrap(),
        step: "step".parse().unwrap(),
    };
    write_message(
        &mut input,
        &Call {
            tenant: Tenant::local(),
            source: Source::Cli,
            request,
        },
    )
    .unwrap();
    let invalid = r#"{"tenant":"local","source":"cli","request":{"get":{"job":"","step":"a"}}}"#;
    write_frame(&mut input, invalid.as_bytes()).unwrap();
    let pip = pipulate::Pip::in_memory();
    let mut stream = Stream {
        input: Cursor::new(input),
        output: Vec::new(),
    };
    serve(&mut stream, &**pip.store(), 1000).unwrap();
    let mut output = stream.output.as_slice();
    let mut next = || read_message::<Reply>(&mut output, 1000).unwrap().unwrap();
    assert_eq!(next().unwrap_err().name(), "Protocol");
    assert_eq!(next().unwrap_err().name(), "Protocol");
    assert_eq!(next(), Ok(Response::Value(None)));
    assert_eq!(
        next().unwrap_err().name(),
        "Protocol",
        "names are checked on this side, too"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_bytes_are_answered_or_refused(input in prop::collection::vec(any::<u8>(), 0..64)) {
        let pip = pipulate::Pip::in_memory();
        let _ = serve(Stream { input: Cursor::new(input), output: Vec::new() }, &**pip.store(), 1000);
    }
}

#[cfg(unix)]
#[test]
fn a_client_outlives_its_server() {
    use std::os::unix::net::UnixListener;
    use std::sync::Arc;

    use pipulate::store::client::Client;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let server = pipulate::Pip::in_memory();
    let pip = pipulate::Pip::with_store(Arc::new(Client::connect(&path).unwrap()));
    let job = pip.job("job").unwrap();
    // The first connection is closed after one answer; the second after a call without an answer.
    let serving = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let call: Call = read_message(&mut connection, 1000).unwrap().unwrap();
        let reply = pipulate::store::wire::answer(&**server.store(), call);
        write_message(&mut connection, &reply).unwrap();
        drop(connection);
        let (mut connection, _) = listener.accept().unwrap();
        let _: Call = read_message(&mut connection, 1000).unwrap().unwrap();
        drop(connection);
        let (connection, _) = listener.accept().unwrap();
        drop(listener);
        serve(connection, &**server.store(), 1000).unwrap();
    });
    job.set("step", &1).unwrap();
    let error = loop {
        // A read is asked again over a new connection; that one breaks, too.
        match job.get::<u8>("step") {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.name(), "Connection");
    assert!(
        error.full_message().contains("could not read step `step` of job `job`"),
        "{error}"
    );
    assert_eq!(job.require::<u8>("step").unwrap(), 1);
    drop((job, pip));
    serving.join().unwrap();
}
