//! Messages to frames and back, signed with HMAC-SHA256.
//!
//! Layout: the client's identities (or a topic), `<IDS|MSG>`, the signature in hexadecimal, then header, parent header,
//! metadata and content as JSON, then buffers. The signature covers the four JSON frames.
//! See <https://jupyter-client.readthedocs.io/en/stable/messaging.html#the-wire-protocol>.

use std::sync::atomic::{AtomicU64, Ordering};

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Map, Value, json};
use sha2::Sha256;
use uuid::Uuid;

use crate::message::{Header, Outgoing, PROTOCOL_VERSION, Parent, Received};

const DELIMITER: &[u8] = b"<IDS|MSG>";

/// Why a message was dropped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// There is no `<IDS|MSG>` frame.
    #[error("no delimiter among {0} frames")]
    Delimiter(usize),
    /// Fewer than the five frames that must follow the delimiter.
    #[error("{0} frames after the delimiter, where 5 are needed")]
    Short(usize),
    /// The signature is not that of the connection's key.
    #[error("the signature is wrong")]
    Signature,
    /// A frame that must be JSON is not.
    #[error("the {frame} is no valid JSON: {reason}")]
    Json {
        /// `header`, `parent header`, `metadata` or `content`.
        frame: &'static str,
        /// Where and what.
        reason: String,
    },
}

/// The kernel's end of the wire: its key, its session, and the count of messages it has sent.
pub struct Wire {
    /// Absent when the connection has no key: messages are then not signed.
    mac: Option<Hmac<Sha256>>,
    session: String,
    username: String,
    sent: AtomicU64,
}

impl Wire {
    /// A wire with a session of its own; with an empty key nothing is signed or checked.
    #[expect(clippy::missing_panics_doc, reason = "HMAC takes a key of any length")]
    pub fn new(key: &str, username: &str) -> Self {
        let mac =
            (!key.is_empty()).then(|| Hmac::new_from_slice(key.as_bytes()).expect("HMAC takes a key of any length"));
        Self {
            mac,
            session: Uuid::new_v4().to_string(),
            username: username.to_owned(),
            sent: AtomicU64::new(0),
        }
    }

    /// Frames to message. Never panics, whatever the frames hold.
    pub fn decode(&self, mut frames: Vec<Vec<u8>>) -> Result<Received, WireError> {
        let delimiter = frames
            .iter()
            .position(|frame| frame == DELIMITER)
            .ok_or(WireError::Delimiter(frames.len()))?;
        let mut parts = frames.split_off(delimiter + 1);
        frames.truncate(delimiter);
        if parts.len() < 5 {
            return Err(WireError::Short(parts.len()));
        }
        let buffers = parts.split_off(5);
        let [signature, header, parent, metadata, content] = parts.as_slice() else {
            return Err(WireError::Short(parts.len()));
        };
        self.verify(signature, [header, parent, metadata, content])?;

        let fields = object("header", header)?;
        let parsed: Header = serde_json::from_value(Value::Object(fields)).map_err(|error| WireError::Json {
            frame: "header",
            reason: error.to_string(),
        })?;
        let answers = match object("parent header", parent)?.get("msg_id") {
            Some(Value::String(id)) => Some(id.clone()),
            _ => None,
        };
        Ok(Received {
            identities: frames,
            as_parent: Parent::from_checked(header),
            header: parsed,
            answers,
            metadata: object("metadata", metadata)?,
            content: value("content", content)?,
            buffers,
        })
    }

    /// Message to frames.
    pub fn encode(&self, message: Outgoing) -> Vec<Vec<u8>> {
        self.encode_with_id(message).1
    }

    /// Message to the id that it gets, for those who wait for an answer to it, and frames.
    pub(crate) fn encode_with_id(&self, message: Outgoing) -> (String, Vec<Vec<u8>>) {
        let msg_id = format!("{}_{}", self.session, self.sent.fetch_add(1, Ordering::Relaxed));
        let header = json!({
            "msg_id": msg_id,
            "msg_type": message.msg_type,
            "session": self.session,
            "username": self.username,
            // Six digits: clients do not recognise a date with nanoseconds.
            "date": format!("{:.6}", jiff::Timestamp::now()),
            "version": PROTOCOL_VERSION,
        });
        let parts = [
            header.to_string().into_bytes(),
            message.parent.as_bytes().to_vec(),
            Value::Object(message.metadata).to_string().into_bytes(),
            message.content.to_string().into_bytes(),
        ];
        let mut frames = message.route;
        frames.push(DELIMITER.to_vec());
        frames.push(self.sign(parts.each_ref()).into_bytes());
        frames.extend(parts);
        frames.extend(message.buffers);
        (msg_id, frames)
    }

    fn sign(&self, parts: [&Vec<u8>; 4]) -> String {
        self.digest(parts)
            .map(|mac| hex::encode(mac.finalize().into_bytes()))
            .unwrap_or_default()
    }

    /// Compares in constant time, so that a forger learns nothing from how long it takes.
    fn verify(&self, signature: &[u8], parts: [&Vec<u8>; 4]) -> Result<(), WireError> {
        let Some(mac) = self.digest(parts) else { return Ok(()) };
        let signature = hex::decode(signature).map_err(|_| WireError::Signature)?;
        mac.verify_slice(&signature).map_err(|_| WireError::Signature)
    }

    fn digest(&self, parts: [&Vec<u8>; 4]) -> Option<Hmac<Sha256>> {
        let mut mac = self.mac.clone()?;
        for part in parts {
            mac.update(part);
        }
        Some(mac)
    }
}

fn value(frame: &'static str, bytes: &[u8]) -> Result<Value, WireError> {
    serde_json::from_slice(bytes).map_err(|error| WireError::Json {
        frame,
        reason: error.to_string(),
    })
}

/// A frame that must be an object; a client that has nothing to say may have sent `null` or nothing.
fn object(frame: &'static str, bytes: &[u8]) -> Result<Map<String, Value>, WireError> {
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    match value(frame, bytes)? {
        Value::Object(map) => Ok(map),
        Value::Null => Ok(Map::new()),
        _ => Err(WireError::Json {
            frame,
            reason: "an object is needed".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = r#"{"msg_id":"1","msg_type":"kernel_info_request","session":"s","odd":[1.0, 1e2],"odd":2}"#;

    fn signed(wire: &Wire, parts: [&str; 4]) -> Vec<Vec<u8>> {
        let parts = parts.map(|part| part.as_bytes().to_vec());
        let mut frames = vec![
            b"client".to_vec(),
            DELIMITER.to_vec(),
            wire.sign(parts.each_ref()).into_bytes(),
        ];
        frames.extend(parts);
        frames
    }

    #[test]
    fn a_signed_message_is_read_and_its_header_echoed_as_it_came() {
        let wire = Wire::new("secret", "kernel");
        let mut frames = signed(&wire, [HEADER, "{}", "{}", "{}"]);
        frames.push(vec![0, 255]);
        let received = wire.decode(frames).unwrap();
        assert_eq!(received.identities, [b"client"]);
        assert_eq!(received.header.msg_type, "kernel_info_request");
        assert_eq!(received.buffers, [[0, 255]]);

        let frames = wire.encode(received.reply("kernel_info_reply", json!({})));
        assert_eq!(frames[0], b"client");
        assert_eq!(frames[4], HEADER.as_bytes());
        let header: Value = serde_json::from_slice(&frames[3]).unwrap();
        assert_eq!(header["version"], "5.5");
        assert_ne!(header["session"], "s");
        assert!(wire.decode(frames).is_ok());
    }

    #[test]
    fn the_signature_is_the_one_that_jupyter_makes() {
        // From Python: hmac.new(b"secret", b"{}" * 4, "sha256").hexdigest()
        let empty = b"{}".to_vec();
        assert_eq!(
            Wire::new("secret", "").sign([&empty; 4]),
            "34982f0bfec60e7b933ffde06c1ecab0fba073717a95ab943d1dd06f82c2d5e4",
        );
    }

    #[track_caller]
    fn check(wire: &Wire, frames: Vec<Vec<u8>>, expected: &str) {
        assert_eq!(wire.decode(frames).unwrap_err().to_string(), expected);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let wire = Wire::new("secret", "kernel");
        check(&wire, vec![], "no delimiter among 0 frames");
        let mut short = signed(&wire, [HEADER, "{}", "{}", "{}"]);
        short.pop();
        check(&wire, short, "4 frames after the delimiter, where 5 are needed");
        let mut forged = signed(&wire, [HEADER, "{}", "{}", "{}"]);
        forged[6] = b"{\"code\": 1}".to_vec();
        check(&wire, forged, "the signature is wrong");
        let mut unsigned = signed(&wire, [HEADER, "{}", "{}", "{}"]);
        unsigned[2] = Vec::new();
        check(&wire, unsigned, "the signature is wrong");
        check(
            &wire,
            signed(&Wire::new("other", ""), [HEADER, "{}", "{}", "{}"]),
            "the signature is wrong",
        );
        check(
            &wire,
            signed(&wire, [HEADER, "{}", "[]", "{}"]),
            "the metadata is no valid JSON: an object is needed",
        );
        check(
            &wire,
            signed(&wire, [HEADER, "{}", "{}", "{"]),
            "the content is no valid JSON: EOF while parsing an object at line 1 column 1",
        );
        check(
            &wire,
            signed(&wire, ["{}", "{}", "{}", "{}"]),
            "the header is no valid JSON: missing field `msg_id`",
        );
        let mut latin1 = signed(&wire, [HEADER, "{}", "{}", "{}"]);
        latin1[6] = b"{\"code\": \"\xe9\"}".to_vec();
        let parts = [&latin1[3], &latin1[4], &latin1[5], &latin1[6]];
        latin1[2] = wire.sign(parts).into_bytes();
        let error = wire.decode(latin1).unwrap_err().to_string();
        assert!(
            error.starts_with("the content is no valid JSON: invalid unicode"),
            "{error}"
        );
    }

    #[test]
    fn without_a_key_nothing_is_signed() {
        let wire = Wire::new("", "kernel");
        let frames = wire.encode(Outgoing::broadcast(&Parent::none(), "status", json!({})));
        assert_eq!(frames[2], b"");
        assert!(wire.decode(signed(&wire, [HEADER, "", "null", "{}"])).is_ok());
    }
}
