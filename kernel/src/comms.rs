//! Comms: channels that a front end opens to an object in the kernel, as widgets do.
//!
//! A [`CommTarget`] is registered under a name; a comm that is opened to a name that nobody has registered is closed.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};

use crate::message::{Outgoing, Parent};
use crate::sockets::iopub::Iopub;

/// What a client says over a comm.
#[derive(Clone, Copy, Debug)]
pub struct CommMessage<'a> {
    /// Means what the target says it means.
    pub data: &'a Map<String, Value>,
    /// Says more about the message.
    pub metadata: &'a Map<String, Value>,
    /// Binary data beside it.
    pub buffers: &'a [Vec<u8>],
}

/// The kernel's end of a comm, while it handles one message.
#[derive(Clone)]
pub struct Comm {
    id: String,
    target_name: String,
    parent: Parent,
    iopub: Iopub,
}

impl Comm {
    /// The id that the one who opened the comm gave it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The name that it was opened to.
    pub fn target_name(&self) -> &str {
        &self.target_name
    }

    /// Says something to every client; it shows as an answer to the message being handled.
    pub fn send(&self, data: &Map<String, Value>, buffers: Vec<Vec<u8>>) {
        let content = json!({ "comm_id": self.id, "data": data });
        self.iopub
            .post(Outgoing::broadcast(&self.parent, "comm_msg", content).with_buffers(buffers));
    }
}

/// What answers comms of one name. Methods run on the thread of the socket: what takes time belongs on another one.
pub trait CommTarget: Send + Sync {
    /// A client has opened a comm.
    fn opened(&self, comm: &Comm, message: CommMessage<'_>);
    /// A client has said something.
    fn message(&self, comm: &Comm, message: CommMessage<'_>);
    /// A client has closed the comm; nothing more can be said over it.
    fn closed(&self, comm: &Comm, message: CommMessage<'_>);
}

/// The registered targets and the comms that are open.
pub(crate) struct Comms {
    targets: HashMap<String, Arc<dyn CommTarget>>,
    /// Comm id to target name.
    open: Mutex<BTreeMap<String, String>>,
    iopub: Iopub,
}

impl Comms {
    pub(crate) fn new(targets: HashMap<String, Arc<dyn CommTarget>>, iopub: Iopub) -> Self {
        Self {
            targets,
            open: Mutex::default(),
            iopub,
        }
    }

    /// Opens a comm, or tells the client that it is closed when nobody answers to the name.
    pub(crate) fn open(&self, parent: &Parent, id: String, target_name: String, message: CommMessage<'_>) {
        let Some(target) = self.targets.get(&target_name) else {
            tracing::info!(target_name, "closed a comm to a target that is not registered");
            return self
                .iopub
                .send(parent, "comm_close", &json!({ "comm_id": id, "data": {} }));
        };
        self.with_open(|open| open.insert(id.clone(), target_name.clone()));
        target.opened(&self.comm(parent, id, target_name), message);
    }

    pub(crate) fn message(&self, parent: &Parent, id: String, message: CommMessage<'_>) {
        let target_name = self.with_open(|open| open.get(&id).cloned());
        if let Some((target, comm)) = self.resolve(parent, id, target_name) {
            target.message(&comm, message);
        }
    }

    pub(crate) fn close(&self, parent: &Parent, id: String, message: CommMessage<'_>) {
        let target_name = self.with_open(|open| open.remove(&id));
        if let Some((target, comm)) = self.resolve(parent, id, target_name) {
            target.closed(&comm, message);
        }
    }

    /// Id and target name of the open comms, of one target or of all.
    pub(crate) fn list(&self, target_name: Option<&str>) -> Vec<(String, String)> {
        self.with_open(|open| {
            let asked_for = |(_, name): &(&String, &String)| target_name.is_none_or(|target| target == *name);
            open.iter()
                .filter(asked_for)
                .map(|(id, name)| (id.clone(), name.clone()))
                .collect()
        })
    }

    fn resolve(
        &self,
        parent: &Parent,
        id: String,
        target_name: Option<String>,
    ) -> Option<(&Arc<dyn CommTarget>, Comm)> {
        let Some(target_name) = target_name else {
            tracing::info!(id, "dropped a message over a comm that is not open");
            return None;
        };
        let target = self.targets.get(&target_name)?;
        Some((target, self.comm(parent, id, target_name)))
    }

    fn comm(&self, parent: &Parent, id: String, target_name: String) -> Comm {
        Comm {
            id,
            target_name,
            parent: parent.clone(),
            iopub: self.iopub.clone(),
        }
    }

    /// The lock is never held while a target runs, which may well open or close comms itself.
    fn with_open<T>(&self, action: impl FnOnce(&mut BTreeMap<String, String>) -> T) -> T {
        action(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
