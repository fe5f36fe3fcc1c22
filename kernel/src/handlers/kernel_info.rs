//! `kernel_info_request`: what this kernel is. Answered before there is an engine.

use jupyter_protocol::messaging::{CodeMirrorMode, HelpLink, KernelInfoReply, LanguageInfo, ReplyStatus};
use serde_json::{Value, json};

use crate::kernel::Kernel;
use crate::message::PROTOCOL_VERSION;
use crate::sockets::iopub;

pub(super) fn handle(kernel: &Kernel) -> Value {
    let version = kernel.rust_version.get();
    let banner = format!(
        "Rust {version} (Pipulate {})\nNotebooks that are durable workflows. %lsmagic lists the magics, ?NAME explains one.",
        env!("CARGO_PKG_VERSION"),
    );
    let link = |text: &str, url: &str| HelpLink {
        text: text.to_owned(),
        url: url.to_owned(),
    };
    let mut content = iopub::json(&KernelInfoReply {
        status: ReplyStatus::Ok,
        protocol_version: PROTOCOL_VERSION.to_owned(),
        implementation: "pipulate".to_owned(),
        implementation_version: env!("CARGO_PKG_VERSION").to_owned(),
        language_info: LanguageInfo {
            name: "rust".to_owned(),
            version,
            mimetype: Some("text/x-rustsrc".to_owned()),
            file_extension: Some(".rs".to_owned()),
            pygments_lexer: Some("rust".to_owned()),
            codemirror_mode: Some(CodeMirrorMode::Simple("rust".to_owned())),
            nbconvert_exporter: Some("script".to_owned()),
        },
        banner,
        help_links: vec![
            link("The Rust Programming Language", "https://doc.rust-lang.org/book/"),
            link("Rust standard library", "https://doc.rust-lang.org/std/"),
            link("Crates", "https://docs.rs/"),
        ],
        debugger: false,
        error: None,
    });
    // No subshells, no debugger.
    content["supported_features"] = json!([]);
    content
}
