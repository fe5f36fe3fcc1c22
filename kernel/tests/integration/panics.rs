//! Where a panic is said to be, and what is said of one of which little is known.

use pipulate_kernel::outputs::CellError;

use crate::cells::TestNotebook;

#[test]
fn a_panic_is_told_at_the_users_line_whichever_cell_and_thread_it_is_of() {
    let mut notebook = TestNotebook::start();
    let closure = "let f: Box<dyn Fn(u32) -> u32> = Box::new(|x| {\n    assert!(x < 2);\n    x\n});";
    notebook.check(closure, &[]);
    let error = notebook.check_error("let a = 1;\nlet b = 2;\nf(a + b)", "Panic", "assertion failed");
    assert!(
        error.traceback.join("\n").contains("at `assert!(x < 2);`"),
        "{error:#?}"
    );
    let thread = "std::thread::Builder::new().name(\"reader\".to_owned()).spawn(|| {\n    let v = vec![1];\n    \
                  v[std::hint::black_box(3)]\n})?.join().is_err()";
    let (sent, result) = notebook.run_with(thread, &[]);
    assert_eq!(result, Ok(()));
    let expected = "\nthread 'reader' panicked at `v[std::hint::black_box(3)]`:\nindex out of bounds: the len is 1 but the index is 3\n";
    assert!(sent.join("\n").contains(expected), "{sent:?}");
    notebook.run_with("%pip_job panics-01", &[]).1.unwrap();
    for (code, place) in [
        (
            "let z = [1];\nfor i in 0..2 {\n    %pip_set b = z[i]\n}",
            "`%pip_set b = z[i]`",
        ),
        ("%time { None::<u8>.unwrap() }", "`%time { None::<u8>.unwrap() }`"),
        (
            "%%pip_step q\nlet a: Vec<u8> = %pip_get a --default panic!()\na",
            "`let a: Vec<u8> = %pip_get a --default panic!()`",
        ),
    ] {
        let error = notebook.check_error(code, "Panic", "");
        assert!(
            error.traceback.join("\n").contains(&format!("at {place}")),
            "{error:#?}"
        );
    }
}

#[test]
fn a_panic_is_told_as_far_as_it_is_known() {
    let mut notebook = TestNotebook::start();
    let text = |error: &CellError| error.traceback.join("\n");
    let error = notebook.check_error("std::panic::panic_any(42)", "Panic", "a value that is no text");
    assert!(text(&error).contains("at `std::panic::panic_any(42)`"), "{error:#?}");

    notebook.check(
        "struct Bad;\nimpl Drop for Bad { fn drop(&mut self) { panic!(\"in drop\") } }",
        &[],
    );
    let error = notebook.check_error("drop(Bad);", "Panic", "in drop");
    assert!(text(&error).contains("at `impl Drop for Bad"), "{error:#?}");
    let (sent, result) = notebook.run_with("let bad = Bad; panic!(\"first\")", &[]);
    let sent = sent.join("\n");
    assert_eq!(result.unwrap_err().ename, "Aborted");
    assert!(sent.contains("panicked at `panic!(\"first\")`:\nfirst"), "{sent}");
    assert!(
        sent.contains("panic in a destructor during cleanup") && !sent.contains("/rustc/"),
        "{sent}"
    );

    let error = notebook.check_error("std::panic::resume_unwind(Box::new(1))", "Panic", "was not told why");
    assert!(text(&error).contains("resume_unwind"), "{error:#?}");
    notebook.check(
        "std::panic::set_hook(Box::new(|info| eprintln!(\"mine: {info}\")));",
        &[],
    );
    let (sent, result) = notebook.run_with("panic!(\"no\")", &[]);
    let error = result.unwrap_err();
    assert!(
        sent.concat().contains("mine: ") && sent.concat().contains("no\n"),
        "{sent:?}"
    );
    assert!(text(&error).contains("set_hook"), "{error:#?}");
}
