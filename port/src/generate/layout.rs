//! Expressions of calls, laid out as rustfmt lays them out.

/// The width of a line.
const WIDTH: usize = 100;
/// How wide a chain of calls, a call's arguments and an array may be on one line.
const NARROW: usize = 60;
/// How wide an item of an array may be to share its line with others.
const SHORT: usize = 10;
const INDENT: usize = 4;

/// An expression of the few kinds that a workflow is written in.
#[derive(Clone, Debug)]
pub(super) enum Expression {
    /// A literal or a path.
    Atom(String),
    /// `path(arguments)`.
    Call(String, Vec<Expression>),
    /// `[items]`.
    Array(Vec<String>),
    /// `root.method(..).method(..)`.
    Chain(Box<Expression>, Vec<Method>),
}

/// One call of a chain.
#[derive(Clone, Debug)]
pub(super) struct Method {
    comment: Option<String>,
    name: &'static str,
    arguments: Vec<Expression>,
}

impl Expression {
    pub(super) fn atom(text: impl Into<String>) -> Self {
        Self::Atom(text.into())
    }

    /// The same with a method called on it.
    pub(super) fn method(self, name: &'static str, arguments: impl IntoIterator<Item = Expression>) -> Self {
        self.commented(None, name, arguments)
    }

    /// The same with a comment on the line above the call.
    pub(super) fn commented(
        self,
        comment: Option<String>,
        name: &'static str,
        arguments: impl IntoIterator<Item = Expression>,
    ) -> Self {
        let method = Method {
            comment,
            name,
            arguments: arguments.into_iter().collect(),
        };
        match self {
            Self::Chain(root, mut methods) => {
                methods.push(method);
                Self::Chain(root, methods)
            }
            root => Self::Chain(Box::new(root), vec![method]),
        }
    }

    /// The expression laid out. `indent` is that of its first line, `before` how much stands before it on that line, `after` how much
    /// follows on the last one.
    pub(super) fn lay_out(&self, indent: usize, before: usize, after: usize) -> String {
        match self {
            Self::Atom(text) => text.clone(),
            Self::Call(path, arguments) => {
                format!(
                    "{path}{}",
                    lay_out_arguments(arguments, indent, before + width(path), after)
                )
            }
            Self::Array(items) => {
                let flat = format!("[{}]", items.join(", "));
                if is_narrow(items, &flat) && indent + before + width(&flat) + after <= WIDTH {
                    return flat;
                }
                let inner = " ".repeat(indent + INDENT);
                // Short items share a line; a list is never wider than one.
                let items: String = if items.iter().all(|item| width(item) <= SHORT) {
                    format!("{inner}{},\n", items.join(", "))
                } else {
                    items
                        .iter()
                        .flat_map(|item| [inner.as_str(), item.as_str(), ",\n"])
                        .collect()
                };
                format!("[\n{items}{}]", " ".repeat(indent))
            }
            Self::Chain(root, methods) => lay_out_chain(root, methods, indent, before, after),
        }
    }

    /// The expression on one line, where it can be, however wide.
    fn flat(&self) -> Option<String> {
        match self {
            Self::Atom(text) => (!text.contains('\n')).then(|| text.clone()),
            Self::Call(path, arguments) => Some(format!("{path}({})", flat_list(arguments)?)),
            Self::Array(items) => Some(format!("[{}]", items.join(", "))).filter(|flat| is_narrow(items, flat)),
            Self::Chain(root, methods) => {
                let mut text = root.flat()?;
                for method in methods {
                    if method.comment.is_some() {
                        return None;
                    }
                    text.push_str(&method.flat()?);
                }
                (methods.len() == 1 || width(&text) <= NARROW).then_some(text)
            }
        }
    }
}

impl Method {
    fn flat(&self) -> Option<String> {
        Some(format!(".{}({})", self.name, flat_list(&self.arguments)?))
    }

    fn lay_out(&self, indent: usize, before: usize, after: usize) -> String {
        let name = format!(".{}", self.name);
        let arguments = lay_out_arguments(&self.arguments, indent, before + width(&name), after);
        format!("{name}{arguments}")
    }
}

/// A chain: on one line but for what the last call needs, or a line a call, whichever rustfmt finds better.
fn lay_out_chain(root: &Expression, methods: &[Method], indent: usize, before: usize, after: usize) -> String {
    let inner = indent + INDENT;
    if let Some((last, others)) = methods.split_last()
        && methods.iter().all(|method| method.comment.is_none())
        && let Some(mut text) = root.flat()
        && let Some(others) = others.iter().map(Method::flat).collect::<Option<Vec<_>>>()
    {
        text.push_str(&others.concat());
        let room = WIDTH.saturating_sub(indent + before + after);
        let room = if methods.len() == 1 { room } else { room.min(NARROW) };
        let budget = room.saturating_sub(width(&text));
        if budget > 0 {
            let overflowing = last.lay_out(indent, before + width(&text), after);
            let lines = overflowing.lines().count();
            let fits = overflowing.lines().next().is_some_and(|line| width(line) <= budget);
            let alone = last.lay_out(inner, 0, after);
            if fits && (lines >= 5 || alone.lines().count() >= lines) {
                return format!("{text}{overflowing}");
            }
        }
    }
    let mut text = root.lay_out(indent, before, after);
    // Calls hang below the closing bracket of a root of several lines.
    let inner = if text.contains('\n') { indent } else { inner };
    let space = " ".repeat(inner);
    for method in methods {
        if let Some(comment) = &method.comment {
            text.extend(["\n", &space, "// ", comment]);
        }
        text.extend(["\n", &space, &method.lay_out(inner, 0, after)]);
    }
    text
}

fn flat_list(arguments: &[Expression]) -> Option<String> {
    let list: Option<Vec<String>> = arguments.iter().map(Expression::flat).collect();
    // One argument may be as wide as the line; more may not.
    Some(list?.join(", ")).filter(|list| arguments.len() < 2 || width(list) <= NARROW)
}

/// Arguments in brackets. `before` is how much stands before them on the line.
fn lay_out_arguments(arguments: &[Expression], indent: usize, before: usize, after: usize) -> String {
    if let [Expression::Call(path, inner)] = arguments {
        // A call in a call is kept narrow, and its arguments go below where it is not.
        let flat = flat_list(arguments).filter(|flat| width(flat) <= NARROW);
        if !inner.is_empty() && flat.is_none() {
            return format!("({path}{})", lay_out_below(inner, indent));
        }
    }
    if let Some(flat) = flat_list(arguments)
        && indent + before + width(&flat) + 2 + after <= WIDTH
    {
        return format!("({flat})");
    }
    if let [only @ Expression::Array(_)] = arguments {
        return format!("({})", only.lay_out(indent, before + 1, after + 1));
    }
    lay_out_below(arguments, indent)
}

/// Arguments in brackets, each on a line of its own.
fn lay_out_below(arguments: &[Expression], indent: usize) -> String {
    let space = " ".repeat(indent);
    let mut text = "(\n".to_owned();
    for argument in arguments {
        let laid_out = argument.lay_out(indent + INDENT, 0, 1);
        text.extend([&space, "    ", &laid_out, ",\n"]);
    }
    text.extend([&space, ")"]);
    text
}

/// Whether an array may be on one line: one item may be as wide as the line.
fn is_narrow(items: &[String], flat: &str) -> bool {
    items.len() == 1 || width(flat) - 2 <= NARROW
}

fn width(text: &str) -> usize {
    text.chars().count()
}
