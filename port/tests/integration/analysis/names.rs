//! Which names a cell uses and which it binds.

use insta::assert_snapshot;

use super::{told, variables};

#[test]
fn a_captured_name_is_a_use() {
    assert_snapshot!(told("format!(\"{customer}\")"), @r#"
    use customer captured at "\"{customer}\""
    use format path at "format"
    value "format!(\"{customer}\")"
    runs
    "#);
    for (text, expected) in [
        ("println!(\"{a:?} {:b$} {c:>d$.e$} {{f}} {0}\", g);", "a b c d e g"),
        ("write!(out, \"{a}\")?;", "a out"),
        ("assert!(ok, \"{a}\"); assert_eq!(x, \"{b}\", \"{c}\");", "a c ok x"),
        ("println!(\"{a} {b}\", b = c);", "a c"),
        ("tracing::info!(user = name, \"{a}\");", "a name user"),
        ("anyhow::bail!(\"{a}\")", "a"),
        ("let x = \"{a}\"; vec![\"{b}\"]; json!({\"k\": \"{c}\"});", ""),
        ("println!(r#\"{a} \\n {{b}}\"#);", "a"),
        ("outer!(a => println!(\"{b}\"), c.d, e::f, 'g, $h);", "a b c"),
        (
            "let a = 1; println!(\"{a}\"); { println!(\"{b}\"); let b = 2; println!(\"{b}\"); }",
            "b",
        ),
    ] {
        assert_eq!(variables(text), expected, "{text}");
    }
}

#[test]
fn scopes() {
    for (text, expected) in [
        ("let x = x + 1;", "x"),
        ("let x = 1; x + y", "y"),
        ("{ let x = 1; } x", "x"),
        ("let f = |a, (b, c): (u8, u8)| a + b + c + d; f(1, (2, 3))", "d"),
        (
            "match v { Some(a) if a > b => a, None => c, E { d, e: f, .. } => d + f, n @ 1..=9 => n, _ => LIMIT }",
            "LIMIT b c v",
        ),
        ("if let Some(a) = b && let Ok(c) = a.d() { c } else { a }", "a b"),
        (
            "while let Some(a) = b.next() { a; } for (i, x) in y.iter().enumerate() { i; x; }",
            "b y",
        ),
        ("let Some(a) = b else { return; }; a", "b"),
        ("'outer: loop { break 'outer x; }", "x"),
        ("S { x, y: z, ..rest }", "rest x z"),
        ("a.b.c(d).e::<f>()", "a d"),
        ("a::b::c(d); self::e(); Self::f(); crate::g::h()", "d"),
        ("fn f(x: u8) -> u8 { x + y } f(1)", ""),
        (
            "const N: u8 = 1; fn f() {} struct S; use a::{b, c as d, e::*}; N; f(); S; b; d",
            "",
        ),
        ("let v = vec![0; n]; matches!(m, Some(k) if k > o)", "m n o"),
        ("dbg!(xs.iter().map(|x| x * y).sum::<i32>())", "xs y"),
        (
            "let a = async move { b.await }; let c = unsafe { d }; const { 1 }",
            "b d",
        ),
        ("let r#type = 1; r#type + r#match", "match"),
        ("<T as Trait>::f(x); <T>::g(); let y: [u8; N] = z;", "N x z"),
        ("let x; if c { x = 1 } else { x = 2 } x", "c"),
        ("#[derive(Debug)] struct A; impl A { fn f(&self) { b } }", ""),
        (
            "select! { a = b.recv() => println!(\"{a} {c}\"), _ = d => e }",
            "a b c d e",
        ),
        ("m! { let a = b; a + c }", "b c"),
        ("m!(a!(b!(c!(d!(e!(f!(g!(h!(i!(j, \"{k}\"))))))))))", "j k"),
        (
            "%pip_get n --default a\nlet b: u8 = %pip_get m --default c + b;\n%time d(b)",
            "b c d",
        ),
    ] {
        assert_eq!(variables(text), expected, "{text}");
    }
}

#[test]
fn writing_is_told_from_reading() {
    assert_snapshot!(told("n += 1; a.b = c; f(&mut d, &e); (g, h[i]) = (1, 2); m!(j);"), @r#"
    use a assigned at "a"
    use c at "c"
    use d assigned at "d"
    use e at "e"
    use f at "f"
    use g assigned at "g"
    use h assigned at "h"
    use i at "i"
    use j at "j"
    use m path at "m"
    use n assigned at "n"
    runs
    "#);
}

#[test]
fn patterns_bind() {
    assert_snapshot!(told("let (a, b): (i32, i32) = %pip_get pair;\nlet (mut c, [d, ..]) = x; let ref e = y;\nlet P { f, g: h } = p; let a = a;"), @r#"
    let a shadowed: i32 = get pair
    let b: i32 = get pair
    let c mut
    let d
    let e
    let f
    let h
    let a shadows
    use P path at "P"
    use i32 path at "i32"
    use p at "p"
    use x at "x"
    use y at "y"
    runs
    "#);
}
