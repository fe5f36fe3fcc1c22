//! Names of types as people say them.

/// A type's name without the modules that its parts live in: `Vec<String>` for `alloc::vec::Vec<alloc::string::String>`.
pub(crate) fn short(full: &str) -> String {
    let mut short = String::with_capacity(full.len());
    let mut rest = full;
    while !rest.is_empty() {
        let length = rest.find(|character| !is_path(character)).unwrap_or(rest.len());
        let (path, after) = rest.split_at(length);
        short.push_str(path.rsplit("::").next().unwrap_or(path));
        let separator = after.find(is_path).unwrap_or(after.len());
        short.push_str(&after[..separator]);
        rest = &after[separator..];
    }
    short
}

/// The short name with the article that goes before it: an `i32`, a `u8`.
pub(crate) fn with_article(full: &str) -> String {
    let name = short(full);
    // As they are spoken: an `f64`, but a `u8` and a `Foo`.
    let begins_with_vowel = name.starts_with(['a', 'e', 'i', 'o', 'A', 'E', 'I', 'O']) || is_float(&name);
    format!("{} `{name}`", if begins_with_vowel { "an" } else { "a" })
}

fn is_float(name: &str) -> bool {
    matches!(name, "f16" | "f32" | "f64" | "f128")
}

fn is_path(character: char) -> bool {
    // A closure is called `{{closure}}`, and types inside it have that in their path.
    character.is_alphanumeric() || matches!(character, '_' | ':' | '{' | '}')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[track_caller]
    fn check<T: ?Sized>(expected: &str) {
        assert_eq!(with_article(std::any::type_name::<T>()), expected);
    }

    #[test]
    fn types_are_named_as_people_say_them() {
        check::<i32>("an `i32`");
        check::<u8>("a `u8`");
        check::<f64>("an `f64`");
        check::<String>("a `String`");
        check::<Option<Vec<String>>>("an `Option<Vec<String>>`");
        check::<BTreeMap<&'static str, (u8, [i64; 3])>>("a `BTreeMap<&str, (u8, [i64; 3])>`");
        check::<crate::Revision>("a `Revision`");
        check::<dyn std::fmt::Debug>("a `dyn Debug`");
        let inside_a_closure = || {
            struct Person;
            check::<Vec<Person>>("a `Vec<Person>`");
        };
        inside_a_closure();
    }
}
