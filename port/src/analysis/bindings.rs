//! What a cell's own statements bind.

use syn::spanned::Spanned;
use syn::{Expr, Lit, Local, Pat, Type};

use super::names::plain;
use super::reading::{Magic, MagicKind, Reading};
use super::{Binding, Origin, PipelineOrigin, SavedAs};

/// One name of a pattern.
struct Name<'a> {
    ident: &'a syn::Ident,
    mutable: bool,
    ty: Option<&'a Type>,
}

/// The bindings of a `let`. `magic` is the one that gives it its value, with the names that its `--default` uses.
pub(super) fn of_local(
    local: &Local,
    reading: &Reading,
    magic: Option<&Magic>,
    default_names: impl FnOnce() -> std::collections::BTreeSet<String>,
    text: &str,
) -> Vec<Binding> {
    let mut names = Vec::new();
    collect(&local.pat, None, &mut names);
    let statement = match magic {
        Some(magic) => magic.span.clone(),
        None => reading.span(&local.span().byte_range()),
    };
    let all = || names.iter().map(|name| plain(name.ident)).collect();
    let from = match magic.map(|magic| &magic.kind) {
        Some(MagicKind::Get(get, binding)) => Origin::Pipeline(PipelineOrigin {
            step: get.step.text.clone(),
            job: get.job.as_ref().map(|job| job.text.clone()),
            is_input: false,
            secret: false,
            pattern: text[binding.pattern.clone()].to_owned(),
            names: all(),
            ty: binding.ty.as_ref().map(|ty| text[ty.clone()].to_owned()),
            default: get.default.as_ref().map(|default| text[default.clone()].to_owned()),
            default_names: default_names(),
        }),
        Some(MagicKind::Input(input, _, Some(binding))) => Origin::Pipeline(PipelineOrigin {
            step: input.step.text.clone(),
            job: input.job.as_ref().map(|job| job.text.clone()),
            is_input: true,
            secret: input.secret,
            pattern: text[binding.pattern.clone()].to_owned(),
            names: all(),
            ty: Some(match &binding.ty {
                Some(ty) => text[ty.clone()].to_owned(),
                None => "String".to_owned(),
            }),
            default: input.default.as_ref().map(|default| text[default.clone()].to_owned()),
            default_names: default_names(),
        }),
        _ => Origin::Plain,
    };
    let inferred = match (&from, &local.pat, &local.init) {
        (Origin::Plain, Pat::Ident(_), Some(init)) => infer(&init.expr),
        (Origin::Pipeline(origin), Pat::Ident(_), _) if origin.is_input => origin.ty.clone(),
        _ => None,
    };
    names
        .iter()
        .map(|name| Binding {
            name: plain(name.ident),
            mutable: name.mutable,
            ty: name.ty.map(|ty| text[reading.span(&ty.span().byte_range())].to_owned()),
            inferred: if name.ty.is_some() { None } else { inferred.clone() },
            span: reading.span(&name.ident.span().byte_range()),
            statement: statement.clone(),
            from: from.clone(),
            set_as: None,
            shadows: false,
            shadowed: false,
        })
        .collect()
}

/// Notes the step that a plain name was saved as, with the binding that it is at this place of the cell.
pub(super) fn saved(bindings: &mut [Binding], name: &str, step: &str, job: Option<&str>) {
    if let Some(binding) = bindings.iter_mut().rev().find(|binding| binding.name == name) {
        binding.set_as = Some(SavedAs {
            step: step.to_owned(),
            job: job.map(str::to_owned),
        });
    }
}

/// Notes which bindings hide each other.
pub(super) fn shadow(bindings: &mut [Binding]) {
    let mut seen = std::collections::HashSet::new();
    for binding in bindings.iter_mut() {
        binding.shadows = !seen.insert(binding.name.clone());
    }
    seen.clear();
    for binding in bindings.iter_mut().rev() {
        binding.shadowed = !seen.insert(binding.name.clone());
    }
}

fn collect<'a>(pattern: &'a Pat, ty: Option<&'a Type>, names: &mut Vec<Name<'a>>) {
    let mut each = |patterns: &mut dyn Iterator<Item = &'a Pat>| {
        for pattern in patterns {
            collect(pattern, None, names);
        }
    };
    match pattern {
        Pat::Ident(ident) => {
            names.push(Name {
                ident: &ident.ident,
                mutable: ident.mutability.is_some(),
                ty: ty.filter(|_| ident.by_ref.is_none()),
            });
            if let Some((_, inner)) = &ident.subpat {
                collect(inner, None, names);
            }
        }
        Pat::Type(typed) => collect(&typed.pat, Some(&typed.ty), names),
        Pat::Paren(paren) => collect(&paren.pat, ty, names),
        Pat::Guard(guard) => collect(&guard.pat, ty, names),
        Pat::Tuple(tuple) => {
            let types = match ty {
                Some(Type::Tuple(types)) if types.elems.len() == tuple.elems.len() => Some(types),
                _ => None,
            };
            let has_rest = tuple.elems.iter().any(|element| matches!(element, Pat::Rest(_)));
            for (index, element) in tuple.elems.iter().enumerate() {
                let ty = types.filter(|_| !has_rest).and_then(|types| types.elems.get(index));
                collect(element, ty, names);
            }
        }
        // All cases bind the same names.
        Pat::Or(or) => each(&mut or.cases.iter().take(1)),
        Pat::Reference(reference) => each(&mut [&*reference.pat].into_iter()),
        Pat::Slice(slice) => each(&mut slice.elems.iter()),
        Pat::TupleStruct(tuple) => each(&mut tuple.elems.iter()),
        Pat::Struct(fields) => each(&mut fields.fields.iter().map(|field| &*field.pat)),
        _ => {}
    }
}

/// The type of an expression that leaves no doubt.
fn infer(expression: &Expr) -> Option<String> {
    let of_path = |path: &syn::Path| {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        match names.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["String", "from" | "new" | "with_capacity"] => Some("String".to_owned()),
            _ => None,
        }
    };
    match expression {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Bool(_) => Some("bool".to_owned()),
            Lit::Char(_) => Some("char".to_owned()),
            Lit::Int(number) if !number.suffix().is_empty() => Some(number.suffix().to_owned()),
            Lit::Float(number) if !number.suffix().is_empty() => Some(number.suffix().to_owned()),
            _ => None,
        },
        Expr::Macro(call) if call.mac.path.is_ident("format") => Some("String".to_owned()),
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) => of_path(&path.path),
            _ => None,
        },
        Expr::MethodCall(call) if call.method == "to_string" && call.args.is_empty() => Some("String".to_owned()),
        Expr::MethodCall(call) if call.method == "to_owned" => match &*call.receiver {
            Expr::Lit(literal) if matches!(literal.lit, Lit::Str(_)) => Some("String".to_owned()),
            _ => None,
        },
        Expr::Cast(cast) => match &*cast.ty {
            Type::Path(path) => path.path.get_ident().map(ToString::to_string),
            _ => None,
        },
        Expr::Paren(paren) => infer(&paren.expr),
        _ => None,
    }
}
