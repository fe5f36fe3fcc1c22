//! Expressions of calls, laid out as rustfmt lays them out.

/// The width of a line.
const WIDTH: usize = 100;
/// How wide a chain of calls, a call's arguments and an array may be on one line.
const NARROW: usize = 60;
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

    /// The expression laid out, its first line indented by whoever writes it. `after` is how much follows on the last line.
    pub(super) fn lay_out(&self, indent: usize, after: usize) -> String {
        let room = WIDTH.saturating_sub(indent + after);
        if let Some(flat) = self.flat()
            && width(&flat) <= room
            && self.may_be_flat(&flat)
        {
            return flat;
        }
        match self {
            Self::Atom(text) => text.clone(),
            Self::Call(path, arguments) => {
                format!("{path}{}", lay_out_arguments(arguments, indent, width(path), after))
            }
            Self::Array(items) => {
                let inner = " ".repeat(indent + INDENT);
                let items: String = items.iter().map(|item| format!("{inner}{item},\n")).collect();
                format!("[\n{items}{}]", " ".repeat(indent))
            }
            Self::Chain(root, methods) => {
                let inner = indent + INDENT;
                let space = " ".repeat(inner);
                let mut text = root.lay_out(indent, 0);
                for method in methods {
                    if let Some(comment) = &method.comment {
                        text.push_str(&format!("\n{space}// {comment}"));
                    }
                    let name = format!(".{}", method.name);
                    let arguments = lay_out_arguments(&method.arguments, inner, width(&name), 0);
                    text.push_str(&format!("\n{space}{name}{arguments}"));
                }
                text
            }
        }
    }

    /// The expression on one line, where nothing in it forbids that.
    fn flat(&self) -> Option<String> {
        match self {
            Self::Atom(text) => (!text.contains('\n')).then(|| text.clone()),
            Self::Call(path, arguments) => Some(format!("{path}({})", flat_list(arguments)?)),
            Self::Array(items) => Some(format!("[{}]", items.join(", "))),
            Self::Chain(root, methods) => {
                let mut text = root.flat()?;
                for method in methods {
                    if method.comment.is_some() {
                        return None;
                    }
                    text.push_str(&format!(".{}({})", method.name, flat_list(&method.arguments)?));
                }
                Some(text)
            }
        }
    }

    /// Whether what fits on a line is narrow enough to be put there.
    fn may_be_flat(&self, flat: &str) -> bool {
        match self {
            Self::Atom(_) => true,
            Self::Call(_, arguments) => are_narrow(arguments),
            Self::Array(items) => width(&items.join(", ")) <= NARROW,
            Self::Chain(root, methods) => {
                (methods.len() == 1 || width(flat) <= NARROW)
                    && root.flat().is_some_and(|flat| root.may_be_flat(&flat))
                    && methods.iter().all(|method| are_narrow(&method.arguments))
            }
        }
    }
}

/// One argument may be as wide as the line; more may not.
fn are_narrow(arguments: &[Expression]) -> bool {
    let all = arguments
        .iter()
        .all(|argument| argument.flat().is_some_and(|flat| argument.may_be_flat(&flat)));
    all && (arguments.len() < 2 || flat_list(arguments).is_some_and(|list| width(&list) <= NARROW))
}

fn flat_list(arguments: &[Expression]) -> Option<String> {
    let list: Option<Vec<String>> = arguments.iter().map(Expression::flat).collect();
    Some(list?.join(", "))
}

/// Arguments in brackets. `before` is how much stands before them on the line.
fn lay_out_arguments(arguments: &[Expression], indent: usize, before: usize, after: usize) -> String {
    if let Some(flat) = flat_list(arguments)
        && indent + before + width(&flat) + 2 + after <= WIDTH
        && are_narrow(arguments)
    {
        return format!("({flat})");
    }
    if let [only @ (Expression::Array(_) | Expression::Atom(_))] = arguments {
        return format!("({})", only.lay_out(indent, 1));
    }
    let inner = " ".repeat(indent + INDENT);
    let arguments: String = arguments
        .iter()
        .map(|argument| format!("{inner}{},\n", argument.lay_out(indent + INDENT, 1)))
        .collect();
    format!("(\n{arguments}{})", " ".repeat(indent))
}

fn width(text: &str) -> usize {
    text.chars().count()
}
