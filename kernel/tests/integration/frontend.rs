//! A dummy front end: real sockets, its own signing, and no tolerance. Every message must be asked for; one that nobody
//! expected fails the test, at the latest when the client goes.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

/// How long anything may take before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

static CLIENTS: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Client {
    name: String,
    key: String,
    shell: zmq::Socket,
    control: zmq::Socket,
    stdin: zmq::Socket,
    iopub: zmq::Socket,
    heartbeat: zmq::Socket,
    sent: Cell<u32>,
    /// The kernel answers no more, so that nothing can be asked of it when this client goes.
    kernel_ended: Cell<bool>,
}

/// A message from the kernel.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) route: Vec<Vec<u8>>,
    pub(crate) header: Value,
    pub(crate) parent: Value,
    pub(crate) metadata: Value,
    pub(crate) content: Value,
    pub(crate) buffers: Vec<Vec<u8>>,
}

/// One of the client's sockets.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Channel {
    Shell,
    Control,
    Stdin,
    Iopub,
}

impl Client {
    pub(crate) fn connect(connection: &Value) -> Self {
        let client = Self::connect_but_stdin(connection);
        client.connect_stdin(connection);
        client
    }

    /// A client whose stdin socket is late.
    pub(crate) fn connect_but_stdin(connection: &Value) -> Self {
        let context = zmq::Context::new();
        let name = format!("client-{}", CLIENTS.fetch_add(1, Ordering::Relaxed));
        let open = |kind, port: &str| {
            let socket = context.socket(kind).unwrap();
            socket.set_linger(1000).unwrap();
            // Shell and stdin must have one identity: questions go to whoever asked for the cell.
            socket.set_identity(name.as_bytes()).unwrap();
            if kind == zmq::SUB {
                socket.set_subscribe(b"").unwrap();
            }
            if port != "stdin_port" {
                socket.connect(&endpoint(connection, port)).unwrap();
            }
            socket
        };
        Self {
            shell: open(zmq::DEALER, "shell_port"),
            control: open(zmq::DEALER, "control_port"),
            stdin: open(zmq::DEALER, "stdin_port"),
            iopub: open(zmq::SUB, "iopub_port"),
            heartbeat: open(zmq::REQ, "hb_port"),
            key: connection["key"].as_str().unwrap().to_owned(),
            name,
            sent: Cell::new(0),
            kernel_ended: Cell::new(false),
        }
    }

    pub(crate) fn connect_stdin(&self, connection: &Value) {
        self.stdin.connect(&endpoint(connection, "stdin_port")).unwrap();
    }

    // Sending.

    /// A header of this client's, with a field that no kernel knows.
    pub(crate) fn header(&self, msg_type: &str) -> Value {
        self.sent.set(self.sent.get() + 1);
        let msg_id = format!("{}-{}", self.name, self.sent.get());
        json!({
            "msg_id": msg_id, "msg_type": msg_type, "session": self.name, "username": "tester", "version": "5.4",
            "date": "2025-01-01T00:00:00.000000Z", "unheard_of": [1, {"deep": null}],
        })
    }

    /// The four parts and then the buffers, framed and signed.
    pub(crate) fn frames(&self, parts: [&[u8]; 4], buffers: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.as_bytes()).unwrap();
        for part in parts {
            mac.update(part);
        }
        let signature = hex::encode(mac.finalize().into_bytes());
        let mut frames = vec![b"<IDS|MSG>".to_vec(), signature.into_bytes()];
        frames.extend(parts.iter().chain(buffers).map(|part| part.to_vec()));
        frames
    }

    pub(crate) fn send_frames(&self, channel: Channel, frames: Vec<Vec<u8>>) {
        self.socket(channel).send_multipart(frames, 0).unwrap();
    }

    pub(crate) fn send(&self, channel: Channel, msg_type: &str, content: &Value) -> Request<'_> {
        self.send_message(channel, msg_type, &json!({}), &json!({}), content, &[])
    }

    pub(crate) fn send_message(
        &self,
        channel: Channel,
        msg_type: &str,
        parent: &Value,
        metadata: &Value,
        content: &Value,
        buffers: &[&[u8]],
    ) -> Request<'_> {
        let header = self.header(msg_type);
        let parts = [&header, parent, metadata, content].map(|part| part.to_string().into_bytes());
        self.send_frames(channel, self.frames(parts.each_ref().map(Vec::as_slice), buffers));
        Request {
            client: self,
            channel,
            header,
        }
    }

    pub(crate) fn request(&self, msg_type: &str, content: &Value) -> Request<'_> {
        self.send(Channel::Shell, msg_type, content)
    }

    pub(crate) fn execute(&self, code: &str) -> Request<'_> {
        self.execute_with(code, &json!({}))
    }

    /// An execute request with more fields than the code.
    pub(crate) fn execute_with(&self, code: &str, more: &Value) -> Request<'_> {
        let mut content = json!({ "code": code, "silent": false, "store_history": true, "user_expressions": {} });
        content
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        self.request("execute_request", &content)
    }

    /// Tells the kernel to end, and looks at nothing that it says.
    pub(crate) fn send_shutdown(self) {
        self.send(Channel::Control, "shutdown_request", &json!({ "restart": false }));
        self.receive(Channel::Control);
        self.kernel_ended.set(true);
        self.ignore_the_rest();
    }

    pub(crate) fn echo(&self, ping: &[u8]) -> Vec<u8> {
        self.heartbeat.send(ping, 0).unwrap();
        assert_eq!(self.heartbeat.poll(zmq::POLLIN, timeout()).unwrap(), 1, "no heartbeat");
        self.heartbeat.recv_bytes(0).unwrap()
    }

    // Receiving.

    fn socket(&self, channel: Channel) -> &zmq::Socket {
        match channel {
            Channel::Shell => &self.shell,
            Channel::Control => &self.control,
            Channel::Stdin => &self.stdin,
            Channel::Iopub => &self.iopub,
        }
    }

    /// The next message, whose signature and shape are checked.
    #[track_caller]
    pub(crate) fn receive(&self, channel: Channel) -> Message {
        let socket = self.socket(channel);
        assert_eq!(
            socket.poll(zmq::POLLIN, timeout()).unwrap(),
            1,
            "nothing comes on {channel:?}"
        );
        let mut frames = socket.recv_multipart(0).unwrap();
        let delimiter = frames.iter().position(|frame| frame == b"<IDS|MSG>").unwrap();
        let rest = frames.split_off(delimiter);
        let parts = [&rest[2], &rest[3], &rest[4], &rest[5]];
        let expected = self.frames(parts.map(Vec::as_slice), &[]);
        assert_eq!(rest[1], expected[1], "the kernel signed wrongly");
        let [header, parent, metadata, content] = parts.map(|part| serde_json::from_slice::<Value>(part).unwrap());
        assert_eq!(header["version"], "5.5");
        assert_ne!(header["session"], self.name, "the session is the kernel's");
        Message {
            route: frames,
            header,
            parent,
            metadata,
            content,
            buffers: rest[6..].to_vec(),
        }
    }

    /// Waits for what may take longer than other things; it is received later.
    #[track_caller]
    pub(crate) fn await_message(&self, channel: Channel, patience: Duration) {
        let patience = i64::try_from(patience.as_millis()).unwrap();
        let came = self.socket(channel).poll(zmq::POLLIN, patience).unwrap();
        assert_eq!(came, 1, "nothing comes on {channel:?}");
    }

    /// Nothing has come on a socket by now.
    #[track_caller]
    pub(crate) fn expect_nothing(&self, channel: Channel) {
        let unexpected = (self.socket(channel).poll(zmq::POLLIN, 0).unwrap() > 0).then(|| self.receive(channel));
        assert!(unexpected.is_none(), "on {channel:?}: {unexpected:?}");
    }

    #[track_caller]
    pub(crate) fn expect_welcome(&self) {
        let welcome = self.receive(Channel::Iopub);
        assert_eq!(welcome.header["msg_type"], "iopub_welcome");
        assert_eq!(
            (welcome.content, welcome.parent),
            (json!({ "subscription": "" }), json!({}))
        );
    }

    #[track_caller]
    pub(crate) fn expect_starting(&self) {
        let status = self.receive(Channel::Iopub);
        assert_eq!(
            (status.content, status.parent),
            (json!({ "execution_state": "starting" }), json!({}))
        );
    }

    /// A message of another client's request, of which only the type is looked at.
    #[track_caller]
    pub(crate) fn expect_of_other(&self, msg_types: &[&str]) {
        for expected in msg_types {
            let message = self.receive(Channel::Iopub);
            let shown = match message.header["msg_type"].as_str().unwrap() {
                "status" => message.content["execution_state"].as_str().unwrap(),
                msg_type => msg_type,
            };
            assert_eq!(shown, *expected, "{message:?}");
            assert_ne!(message.parent["session"], self.name);
        }
    }

    /// The next broadcasts come from several threads, so that their order is not known; each must fit.
    #[track_caller]
    pub(crate) fn expect_unordered(&self, count: usize, fits: impl Fn(&Message) -> bool) {
        for _ in 0..count {
            let message = self.receive(Channel::Iopub);
            assert!(fits(&message), "{message:?}");
        }
    }

    /// The kernel is ending: what may still come is not looked at.
    pub(crate) fn ignore_the_rest(&self) {
        self.kernel_ended.set(true);
        for channel in [Channel::Shell, Channel::Control, Channel::Stdin, Channel::Iopub] {
            while self.socket(channel).poll(zmq::POLLIN, 0).unwrap() > 0 {
                self.socket(channel).recv_multipart(0).unwrap();
            }
        }
    }

    /// The kernel has ended, and has said nothing since what was looked at last.
    pub(crate) fn expect_silence(&self) {
        self.kernel_ended.set(true);
        for channel in [Channel::Shell, Channel::Control, Channel::Stdin, Channel::Iopub] {
            self.expect_nothing(channel);
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if thread::panicking() || self.kernel_ended.get() {
            return;
        }
        // Sockets keep order: whatever came unasked stands before the answers to this.
        self.request("kernel_info_request", &json!({})).busy().reply_ok();
        self.receive(Channel::Iopub);
        self.expect_silence();
    }
}

/// A request that was sent, and what is expected of it, in order.
#[derive(Clone)]
pub(crate) struct Request<'a> {
    client: &'a Client,
    channel: Channel,
    header: Value,
}

impl Request<'_> {
    /// The next broadcast is of this type and belongs to this request; its header must have come back as it was.
    #[track_caller]
    pub(crate) fn iopub(&self, msg_type: &str) -> Message {
        let message = self.client.receive(Channel::Iopub);
        assert_eq!(message.header["msg_type"], msg_type, "{message:?}");
        assert_eq!(message.route, [msg_type.as_bytes()]);
        assert_eq!(message.parent, self.header, "{message:?}");
        message
    }

    #[track_caller]
    fn expect(&self, msg_type: &str, content: &Value) -> &Self {
        assert_eq!(self.iopub(msg_type).content, *content);
        self
    }

    #[track_caller]
    pub(crate) fn busy(&self) -> &Self {
        self.expect("status", &json!({ "execution_state": "busy" }))
    }

    #[track_caller]
    pub(crate) fn idle(&self) -> &Self {
        self.expect("status", &json!({ "execution_state": "idle" }))
    }

    #[track_caller]
    pub(crate) fn input(&self, execution_count: u32, code: &str) -> &Self {
        self.expect(
            "execute_input",
            &json!({ "execution_count": execution_count, "code": code }),
        )
    }

    #[track_caller]
    pub(crate) fn stream(&self, name: &str, text: &str) -> &Self {
        self.expect("stream", &json!({ "name": name, "text": text }))
    }

    #[track_caller]
    pub(crate) fn display(&self, text: &str) -> &Self {
        self.expect(
            "display_data",
            &json!({ "data": { "text/plain": text }, "metadata": {}, "transient": {} }),
        )
    }

    #[track_caller]
    pub(crate) fn result(&self, execution_count: u32, text: &str) -> &Self {
        let data = json!({ "text/plain": text });
        let result = json!({ "execution_count": execution_count, "data": data, "metadata": {}, "transient": {} });
        self.expect("execute_result", &result)
    }

    /// The one error message; the reply must say the same.
    #[track_caller]
    pub(crate) fn error(&self, ename: &str, evalue: &str) -> &Self {
        let error = self.iopub("error").content;
        assert_eq!((&error["ename"], &error["evalue"]), (&ename.into(), &evalue.into()));
        assert_ne!(error["traceback"], json!([]));
        self
    }

    /// The next message on the request's own socket is its reply.
    #[track_caller]
    pub(crate) fn reply(&self) -> Message {
        let reply = self.client.receive(self.channel);
        let asked = self.header["msg_type"].as_str().unwrap();
        assert_eq!(
            reply.header["msg_type"],
            asked.replace("_request", "_reply"),
            "{reply:?}"
        );
        assert_eq!(reply.parent, self.header);
        reply
    }

    /// The type of the next reply, which may be that of another request of the same socket.
    #[track_caller]
    pub(crate) fn reply_or(&self, other: &Request<'_>) -> String {
        let reply = self.client.receive(self.channel);
        assert!(reply.parent == self.header || reply.parent == other.header, "{reply:?}");
        reply.header["msg_type"].as_str().unwrap().to_owned()
    }

    /// The reply, when others' may come first. All that is broadcast until this request is done with is not looked at.
    #[track_caller]
    pub(crate) fn reply_past_others(&self) -> Message {
        let of_this = |channel| {
            loop {
                let message = self.client.receive(channel);
                if message.parent == self.header {
                    return message;
                }
            }
        };
        let reply = of_this(self.channel);
        while of_this(Channel::Iopub).content["execution_state"] != "idle" {}
        reply
    }

    #[track_caller]
    pub(crate) fn reply_ok(&self) -> &Self {
        let reply = self.reply();
        assert_eq!(reply.content["status"], "ok", "{reply:?}");
        self
    }

    /// The reply to a cell that went well.
    #[track_caller]
    pub(crate) fn executed(&self, execution_count: u32) -> &Self {
        let content = self.reply().content;
        let expected =
            json!({ "status": "ok", "execution_count": execution_count, "user_expressions": {}, "payload": [] });
        assert_eq!(content, expected);
        self
    }

    /// The reply to a cell that failed.
    #[track_caller]
    pub(crate) fn failed(&self, execution_count: u32, ename: &str, evalue: &str) -> &Self {
        let content = self.reply().content;
        assert_eq!(content["status"], "error", "{content}");
        assert_eq!((&content["ename"], &content["evalue"]), (&ename.into(), &evalue.into()));
        assert_eq!(
            (&content["execution_count"], &content["user_expressions"]),
            (&execution_count.into(), &json!({}))
        );
        assert_ne!(content["traceback"], json!([]));
        self
    }

    /// The reply to a cell that was not run.
    #[track_caller]
    pub(crate) fn aborted(&self, execution_count: u32) -> &Self {
        assert_eq!(
            self.reply().content,
            json!({ "status": "aborted", "execution_count": execution_count })
        );
        self
    }

    /// The question that the cell asks; answered with [`answer`](Self::answer).
    #[track_caller]
    pub(crate) fn question(&self, prompt: &str, password: bool) -> Message {
        let question = self.client.receive(Channel::Stdin);
        assert_eq!(question.header["msg_type"], "input_request");
        assert_eq!(question.parent, self.header);
        assert_eq!(question.content, json!({ "prompt": prompt, "password": password }));
        question
    }

    /// Answers a question as JupyterLab does, naming it.
    pub(crate) fn answer(&self, question: &Message, value: &str) -> &Self {
        let content = json!({ "value": value, "status": "ok" });
        self.client.send_message(
            Channel::Stdin,
            "input_reply",
            &question.header,
            &json!({}),
            &content,
            &[],
        );
        self
    }
}

fn endpoint(connection: &Value, port: &str) -> String {
    let (ip, port) = (connection["ip"].as_str().unwrap(), &connection[port]);
    match connection["transport"].as_str().unwrap() {
        "ipc" => format!("ipc://{ip}-{port}"),
        transport => format!("{transport}://{ip}:{port}"),
    }
}

fn timeout() -> i64 {
    i64::try_from(PATIENCE.as_millis()).unwrap()
}
