//! Where displays go: to the notebook, or to standard output.

use std::io::Write;

use serde_json::Value;

use super::MimeBundle;

/// What a display is to the ones before it.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    not(feature = "cell"),
    expect(dead_code, reason = "what is printed is never replaced")
)]
pub(super) enum Target<'a> {
    /// One of its own.
    New,
    /// One that can be replaced.
    Id(&'a str),
    /// A replacement.
    Update(&'a str),
}

/// Shows a bundle. In a notebook whose kernel does not answer, the cell fails.
#[cfg_attr(
    not(feature = "cell"),
    expect(clippy::needless_pass_by_value, reason = "a notebook takes it")
)]
pub(super) fn show(bundle: MimeBundle, target: Target<'_>) {
    #[cfg(feature = "cell")]
    if crate::runtime::is_in_notebook() {
        return crate::runtime::show(request(bundle, target));
    }
    #[cfg(not(feature = "cell"))]
    let _ = target;
    print_line(&bundle.to_text());
}

/// Shows a bundle in a notebook, if it can; false outside one. For what is not worth failing.
pub(super) fn try_show(bundle: MimeBundle, target: Target<'_>) -> bool {
    #[cfg(feature = "cell")]
    if crate::runtime::is_in_notebook() {
        crate::runtime::try_show(request(bundle, target));
        return true;
    }
    #[cfg(not(feature = "cell"))]
    let _ = (bundle, target);
    false
}

#[cfg(feature = "cell")]
fn request(bundle: MimeBundle, target: Target<'_>) -> crate::runtime::protocol::DisplayRequest {
    let (display_id, update) = match target {
        Target::New => (None, false),
        Target::Id(id) => (Some(id.to_owned()), false),
        Target::Update(id) => (Some(id.to_owned()), true),
    };
    crate::runtime::protocol::DisplayRequest {
        data: bundle.into_map(),
        display_id,
        update,
    }
}

/// Takes away what the cell has shown.
pub(super) fn clear(wait: bool) {
    #[cfg(feature = "cell")]
    if crate::runtime::is_in_notebook() {
        crate::runtime::clear_output(wait);
    }
    #[cfg(not(feature = "cell"))]
    let _ = wait;
}

/// Prints a bundle between the marks by which evcxr finds content among what a cell prints.
pub(super) fn print_for_evcxr(bundle: &MimeBundle) {
    print_all(&marked(bundle));
}

fn marked(bundle: &MimeBundle) -> String {
    let blocks = bundle.iter().map(|(media_type, content)| {
        let is_json = media_type == "application/json" || media_type.ends_with("+json");
        let content = match content {
            Value::String(text) if !is_json => text.clone(),
            value => value.to_string(),
        };
        format!("EVCXR_BEGIN_CONTENT {media_type}\n{content}\nEVCXR_END_CONTENT\n")
    });
    blocks.collect()
}

fn print_line(text: &str) {
    print_all(&format!("{text}\n"));
}

/// In one piece, whatever other threads print. Standard output that is closed is no reason to fail.
fn print_all(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_media_type_is_a_block_as_evcxr_reads_it() {
        let bundle = MimeBundle::new().json(json!("x")).text("a\nb");
        assert_eq!(
            marked(&bundle),
            "EVCXR_BEGIN_CONTENT application/json\n\"x\"\nEVCXR_END_CONTENT\n\
             EVCXR_BEGIN_CONTENT text/plain\na\nb\nEVCXR_END_CONTENT\n"
        );
    }
}
