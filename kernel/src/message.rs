//! One message of the protocol, received or to be sent, apart from how it is framed and signed (see [`crate::wire`]).

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

/// The version of the protocol that this kernel speaks.
pub const PROTOCOL_VERSION: &str = "5.5";

/// What the kernel reads of a client's header.
#[derive(Clone, Debug, Deserialize)]
pub struct Header {
    /// Names the message, for answers to it.
    pub msg_id: String,
    /// `execute_request` and so on.
    pub msg_type: String,
    /// The client's session.
    #[serde(default)]
    pub session: String,
}

/// The header of the message that another one answers, byte for byte as it came: a client may have put more into it
/// than this kernel knows.
#[derive(Clone, Debug)]
pub struct Parent(Arc<[u8]>);

impl Parent {
    /// A message that answers no other.
    pub fn none() -> Self {
        Self(Arc::from(*b"{}"))
    }

    /// A header that has been checked to be a JSON object.
    pub(crate) fn from_checked(json: &[u8]) -> Self {
        Self(Arc::from(json))
    }

    /// Whether both are the header of one and the same message.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The JSON text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A message whose signature was right.
#[derive(Clone, Debug)]
pub struct Received {
    /// The client's identity, which a reply must start with.
    pub identities: Vec<Vec<u8>>,
    /// The message's own header.
    pub header: Header,
    /// The message's own header as it came: the parent of every answer.
    pub as_parent: Parent,
    /// The id of the message that this one answers, as `input_reply` does.
    pub answers: Option<String>,
    /// Says more about the request, such as the cell's id.
    pub metadata: Map<String, Value>,
    /// What the message says; its shape depends on the type.
    pub content: Value,
    /// Binary data of comms.
    pub buffers: Vec<Vec<u8>>,
}

/// A message to send.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Identities of the client that a reply goes to, or the topic of a broadcast.
    pub route: Vec<Vec<u8>>,
    /// `execute_reply` and so on.
    pub msg_type: Cow<'static, str>,
    /// What the message answers.
    pub parent: Parent,
    /// Says more about the content.
    pub metadata: Map<String, Value>,
    /// What the message says.
    pub content: Value,
    /// Binary data of comms.
    pub buffers: Vec<Vec<u8>>,
}

impl Received {
    /// A reply to this message.
    pub(crate) fn reply(&self, msg_type: &'static str, content: Value) -> Outgoing {
        Outgoing {
            route: self.identities.clone(),
            msg_type: Cow::Borrowed(msg_type),
            parent: self.as_parent.clone(),
            metadata: Map::new(),
            content,
            buffers: Vec::new(),
        }
    }
}

impl Outgoing {
    /// A message to every client.
    pub(crate) fn broadcast(parent: &Parent, msg_type: &'static str, content: Value) -> Self {
        Self {
            route: vec![msg_type.as_bytes().to_vec()],
            msg_type: Cow::Borrowed(msg_type),
            parent: parent.clone(),
            metadata: Map::new(),
            content,
            buffers: Vec::new(),
        }
    }

    pub(crate) fn with_buffers(mut self, buffers: Vec<Vec<u8>>) -> Self {
        self.buffers = buffers;
        self
    }
}
