//! What a port does with each magic.

/// What becomes of a magic in a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is lowered to Rust, or says what the workflow is.
    Ported,
    /// It is left out, and the report says why.
    LeftOut(&'static str),
}

const SHOWS: &str = "it shows what the page shows by itself";
const PAGE: &str = "the page has a button for it";
const SESSION: &str = "it is about the notebook's session";

/// Every magic of the kernel's.
const ALL: [(&str, Fate); 30] = [
    ("pip_job", Fate::Ported),
    ("pip_set", Fate::Ported),
    ("pip_get", Fate::Ported),
    ("pip_input", Fate::Ported),
    ("pip_step", Fate::Ported),
    ("time", Fate::Ported),
    ("pip_read", Fate::LeftOut(SHOWS)),
    ("pip_steps", Fate::LeftOut(SHOWS)),
    ("pip_history", Fate::LeftOut(SHOWS)),
    ("pip_jobs", Fate::LeftOut(SHOWS)),
    ("pip_db", Fate::LeftOut(SHOWS)),
    ("pip_revert", Fate::LeftOut(PAGE)),
    ("pip_undo", Fate::LeftOut(PAGE)),
    ("pip_remove", Fate::LeftOut(PAGE)),
    ("pip_finalize", Fate::LeftOut(PAGE)),
    ("pip_unfinalize", Fate::LeftOut(PAGE)),
    ("pip_fork", Fate::LeftOut(PAGE)),
    ("pip_delete", Fate::LeftOut(PAGE)),
    ("pip_port", Fate::LeftOut("it is how the notebook is ported")),
    ("lsmagic", Fate::LeftOut(SESSION)),
    ("who", Fate::LeftOut(SESSION)),
    ("whos", Fate::LeftOut(SESSION)),
    ("env", Fate::LeftOut(SESSION)),
    ("cd", Fate::LeftOut(SESSION)),
    ("pwd", Fate::LeftOut(SESSION)),
    ("reset", Fate::LeftOut(SESSION)),
    ("checkpoint", Fate::LeftOut(SESSION)),
    ("opt", Fate::LeftOut(SESSION)),
    ("history", Fate::LeftOut(SESSION)),
    ("writefile", Fate::LeftOut("it writes a file on the notebook's machine")),
];
const BASH: (&str, Fate) = ("bash", Fate::LeftOut("it runs on the notebook's machine"));

/// What becomes of a magic; `None` when there is none of this name.
pub(crate) fn fate(name: &str) -> Option<Fate> {
    all().find(|(known, _)| *known == name).map(|(_, fate)| fate)
}

/// Whether the port knows what becomes of a magic.
pub fn is_known(name: &str) -> bool {
    fate(name).is_some()
}

/// The name of a magic that is most like this one.
pub(crate) fn nearest(name: &str) -> Option<&'static str> {
    pipulate::cell::nearest(name, all().map(|(known, _)| known))
}

fn all() -> impl Iterator<Item = (&'static str, Fate)> {
    ALL.into_iter().chain([BASH])
}
