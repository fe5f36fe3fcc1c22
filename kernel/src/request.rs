//! Every message that a kernel can receive, as a closed set of types.

use jupyter_protocol::messaging::{
    CommClose, CommInfoRequest, CommMsg, CommOpen, CompleteRequest, InputReply, InspectRequest, IsCompleteRequest,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::handlers::execute::ExecuteRequest;
use crate::handlers::history::HistoryRequest;

/// The types of message that a client sends to a kernel in version 5.5 of the protocol. Subshells are absent, as
/// `supported_features` of the kernel info says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    KernelInfo,
    Execute,
    Complete,
    Inspect,
    IsComplete,
    History,
    CommInfo,
    CommOpen,
    CommMsg,
    CommClose,
    Interrupt,
    Shutdown,
    Debug,
    InputReply,
}

impl Kind {
    /// The kind that a header's `msg_type` names.
    pub(crate) fn from_name(msg_type: &str) -> Option<Self> {
        Some(match msg_type {
            "kernel_info_request" => Self::KernelInfo,
            "execute_request" => Self::Execute,
            "complete_request" => Self::Complete,
            "inspect_request" => Self::Inspect,
            "is_complete_request" => Self::IsComplete,
            "history_request" => Self::History,
            "comm_info_request" => Self::CommInfo,
            "comm_open" => Self::CommOpen,
            "comm_msg" => Self::CommMsg,
            "comm_close" => Self::CommClose,
            "interrupt_request" => Self::Interrupt,
            "shutdown_request" => Self::Shutdown,
            "debug_request" => Self::Debug,
            "input_reply" => Self::InputReply,
            _ => return None,
        })
    }

    /// The type of the reply that the client waits for, if it waits for one.
    pub(crate) fn reply_type(self) -> Option<&'static str> {
        Some(match self {
            Self::KernelInfo => "kernel_info_reply",
            Self::Execute => "execute_reply",
            Self::Complete => "complete_reply",
            Self::Inspect => "inspect_reply",
            Self::IsComplete => "is_complete_reply",
            Self::History => "history_reply",
            Self::CommInfo => "comm_info_reply",
            Self::Interrupt => "interrupt_reply",
            Self::Shutdown => "shutdown_reply",
            Self::Debug => "debug_reply",
            Self::CommOpen | Self::CommMsg | Self::CommClose | Self::InputReply => return None,
        })
    }

    /// Which thread answers.
    pub(crate) fn lane(self) -> Lane {
        match self {
            Self::Execute => Lane::Executor,
            Self::Complete | Self::Inspect | Self::History => Lane::Assistant,
            _ => Lane::Inline,
        }
    }
}

/// Which thread answers a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// The thread of the socket: the answer is known at once.
    Inline,
    /// The assistant: the answer may need a moment of rust-analyzer or of a disk, and must not hold up the socket.
    Assistant,
    /// The executor: a cell, in the order of requests.
    Executor,
}

/// A request with its content read.
#[derive(Debug)]
pub(crate) enum Request {
    KernelInfo,
    Execute(ExecuteRequest),
    Complete(CompleteRequest),
    Inspect(InspectRequest),
    IsComplete(IsCompleteRequest),
    History(HistoryRequest),
    CommInfo(CommInfoRequest),
    CommOpen(CommOpen),
    CommMsg(CommMsg),
    CommClose(CommClose),
    Interrupt,
    Shutdown(ShutdownRequest),
    Debug(Map<String, Value>),
    InputReply(InputReply),
}

/// Asks the kernel to end.
#[derive(Debug, Deserialize)]
pub(crate) struct ShutdownRequest {
    /// Another kernel will be started in its place. Some clients leave it out.
    #[serde(default)]
    pub(crate) restart: bool,
}

impl Request {
    /// Reads a message's content; the error says what is wrong with it.
    pub(crate) fn parse(kind: Kind, content: Value) -> Result<Self, serde_json::Error> {
        fn read<T: DeserializeOwned>(content: Value) -> Result<T, serde_json::Error> {
            serde_json::from_value(content)
        }
        Ok(match kind {
            Kind::KernelInfo => Self::KernelInfo,
            Kind::Execute => Self::Execute(read(content)?),
            Kind::Complete => Self::Complete(read(with_position(content))?),
            Kind::Inspect => Self::Inspect(read(with_position(content))?),
            Kind::IsComplete => Self::IsComplete(read(content)?),
            Kind::History => Self::History(read(content)?),
            Kind::CommInfo => Self::CommInfo(read(content)?),
            Kind::CommOpen => Self::CommOpen(read(content)?),
            Kind::CommMsg => Self::CommMsg(read(content)?),
            Kind::CommClose => Self::CommClose(read(content)?),
            Kind::Interrupt => Self::Interrupt,
            Kind::Shutdown => Self::Shutdown(read(content)?),
            Kind::Debug => Self::Debug(read(content)?),
            Kind::InputReply => Self::InputReply(read(content)?),
        })
    }
}

/// A question about a text, with a position in it or beyond its end: before the text is at its beginning, and not said is at its end.
fn with_position(mut content: Value) -> Value {
    let position = match content.get("cursor_pos") {
        None | Some(Value::Null) => f64::INFINITY,
        Some(Value::Number(position)) if !position.is_u64() => position.as_f64().unwrap_or_default(),
        Some(_) => return content,
    };
    // As far as that, there is no text.
    let within = position.clamp(0.0, f64::from(u32::MAX));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is clamped")]
    let position = within as u32;
    if let Some(content) = content.as_object_mut() {
        content.insert("cursor_pos".to_owned(), position.into());
    }
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [&str; 14] = [
        "kernel_info_request",
        "execute_request",
        "complete_request",
        "inspect_request",
        "is_complete_request",
        "history_request",
        "comm_info_request",
        "comm_open",
        "comm_msg",
        "comm_close",
        "interrupt_request",
        "shutdown_request",
        "debug_request",
        "input_reply",
    ];

    #[test]
    fn each_request_has_the_reply_of_its_name() {
        for name in ALL {
            let kind = Kind::from_name(name).unwrap();
            let expected = name.strip_suffix("_request").map(|stem| format!("{stem}_reply"));
            assert_eq!(kind.reply_type(), expected.as_deref());
        }
        assert_eq!(Kind::from_name("create_subshell_request"), None);
    }

    #[test]
    fn a_position_outside_of_the_text_is_its_beginning_or_its_end() {
        let end = u32::MAX as usize;
        for (written, expected) in [
            ("", end),
            (r#", "cursor_pos": null"#, end),
            (r#", "cursor_pos": -1"#, 0),
            (r#", "cursor_pos": 2"#, 2),
            (r#", "cursor_pos": 2.7"#, 2),
            (r#", "cursor_pos": 1e300"#, end),
            (r#", "cursor_pos": 18446744073709551615"#, usize::MAX),
        ] {
            let content: Value = serde_json::from_str(&format!(r#"{{"code": "ab"{written}}}"#)).unwrap();
            let Ok(Request::Complete(complete)) = Request::parse(Kind::Complete, content.clone()) else {
                panic!("{written}");
            };
            let Ok(Request::Inspect(inspect)) = Request::parse(Kind::Inspect, content) else {
                panic!("{written}");
            };
            assert_eq!(
                (complete.cursor_pos, inspect.cursor_pos),
                (expected, expected),
                "{written}"
            );
        }
        let words = serde_json::json!({"code": "ab", "cursor_pos": "two"});
        assert!(Request::parse(Kind::Complete, words).is_err());
    }

    #[test]
    fn content_of_the_wrong_shape_is_an_error_and_never_a_panic() {
        for name in ALL {
            let kind = Kind::from_name(name).unwrap();
            for content in [
                "null",
                "[]",
                "1",
                "{}",
                r#"{"code": 1}"#,
                r#"{"code": "", "cursor_pos": -1}"#,
            ] {
                let _ = Request::parse(kind, serde_json::from_str(content).unwrap());
            }
        }
        assert!(Request::parse(Kind::Execute, serde_json::json!({"silent": true})).is_err());
    }
}
