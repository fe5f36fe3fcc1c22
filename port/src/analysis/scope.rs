//! Which names are bound where.

use std::collections::HashSet;

/// The scopes around a place, the innermost last.
#[derive(Default)]
pub(super) struct Scopes {
    scopes: Vec<Scope>,
}

#[derive(Default)]
struct Scope {
    variables: HashSet<String>,
    /// Items, and parameters of types: names that paths may begin with.
    items: HashSet<String>,
    /// The body of an item: it sees the items around it and none of the variables.
    is_item: bool,
}

impl Scopes {
    pub(super) fn push(&mut self) {
        self.scopes.push(Scope::default());
    }

    /// Begins what belongs to an item.
    pub(super) fn push_item(&mut self) {
        self.scopes.push(Scope {
            is_item: true,
            ..Scope::default()
        });
    }

    pub(super) fn pop(&mut self) {
        self.scopes.pop();
    }

    pub(super) fn bind(&mut self, name: &str) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.variables.insert(name.to_owned());
        }
    }

    pub(super) fn define(&mut self, name: &str) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.items.insert(name.to_owned());
        }
    }

    /// Whether the name is a variable here.
    pub(super) fn binds(&self, name: &str) -> bool {
        for scope in self.scopes.iter().rev() {
            if scope.variables.contains(name) {
                return true;
            }
            if scope.is_item {
                return false;
            }
        }
        false
    }

    /// Whether the name is an item here.
    pub(super) fn defines(&self, name: &str) -> bool {
        self.scopes.iter().rev().any(|scope| scope.items.contains(name))
    }
}
