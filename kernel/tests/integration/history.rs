//! `history_request`: cells of this and of earlier kernels.

use std::path::Path;
use std::sync::Arc;

use pipulate_kernel::ServeOptions;
use pipulate_kernel::history::{History, HistoryQuery};
use serde_json::{Value, json};

use crate::frontend::Client;
use crate::kernel::Kernel;
use crate::scripted::Scripted;

fn kernel(path: &Path) -> Kernel {
    let options = ServeOptions {
        history: History::open(path),
        ..ServeOptions::default()
    };
    Kernel::start_with(Arc::new(Scripted::new()), options)
}

fn run(client: &Client, code: &str, more: &Value) {
    client.execute_with(code, more).reply();
    while client.receive(crate::frontend::Channel::Iopub).content["execution_state"] != "idle" {}
}

#[track_caller]
fn check(client: &Client, request: &Value, expected: &Value) {
    let request = client.request("history_request", request);
    request.busy();
    assert_eq!(request.reply().content, json!({ "status": "ok", "history": expected }));
    request.idle();
}

#[test]
fn cells_are_kept_across_kernels() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.sqlite");
    {
        let kernel = kernel(&path);
        let client = kernel.first_client();
        run(&client, "var a", &json!({}));
        run(&client, "panic", &json!({}));
        run(&client, "print silent", &json!({ "silent": true }));
        run(&client, "print unstored", &json!({ "store_history": false }));
    }
    let kernel = kernel(&path);
    let client = kernel.first_client();
    run(&client, "print é", &json!({}));
    run(&client, "var a", &json!({}));

    check(
        &client,
        &json!({ "hist_access_type": "tail", "n": 3, "output": false, "raw": true }),
        &json!([[1, 2, "panic"], [2, 1, "print é"], [2, 2, "var a"]]),
    );
    check(
        &client,
        &json!({ "hist_access_type": "tail", "n": 1, "output": true, "raw": true }),
        &json!([[2, 2, ["var a", null]]]),
    );
    check(
        &client,
        &json!({ "hist_access_type": "range", "session": -1, "start": 1, "stop": 2, "output": false, "raw": true }),
        &json!([[1, 1, "var a"]]),
    );
    check(
        &client,
        &json!({ "hist_access_type": "search", "pattern": "v?r*", "n": 10, "unique": true, "output": false }),
        &json!([[2, 2, "var a"]]),
    );
    // What jupyter_client leaves out.
    check(
        &client,
        &json!({ "hist_access_type": "search", "pattern": "print*" }),
        &json!([[2, 1, "print é"]]),
    );
    check(
        &client,
        &json!({ "hist_access_type": "range" }),
        &json!([[2, 1, "print é"], [2, 2, "var a"]]),
    );
}

#[test]
fn kernels_that_run_at_once_keep_a_session_each_in_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.sqlite");
    let (one, two) = (kernel(&path), kernel(&path));
    let (first, second) = (one.first_client(), two.first_client());
    let session = json!({ "hist_access_type": "range" });
    run(&first, "print 1", &json!({}));
    // Cells are written beside what else is going on; the answer stands behind them.
    check(&first, &session, &json!([[1, 1, "print 1"]]));
    run(&second, "print 2", &json!({}));
    check(&second, &session, &json!([[2, 1, "print 2"]]));
    run(&first, "print 3", &json!({}));
    check(&first, &session, &json!([[1, 1, "print 1"], [1, 2, "print 3"]]));
    for (client, session, expected) in [
        (&first, 0, json!([[1, 1, "print 1"], [1, 2, "print 3"]])),
        (&second, 0, json!([[2, 1, "print 2"]])),
        (&second, -1, json!([[1, 1, "print 1"], [1, 2, "print 3"]])),
        (&first, -1, json!([])),
        (&first, 2, json!([[2, 1, "print 2"]])),
    ] {
        check(
            client,
            &json!({ "hist_access_type": "range", "session": session, "output": false, "raw": true }),
            &expected,
        );
    }
    let tail = json!([[1, 1, "print 1"], [1, 2, "print 3"], [2, 1, "print 2"]]);
    check(&first, &json!({ "hist_access_type": "tail", "n": 9 }), &tail);
}

#[test]
fn nothing_is_lost_when_many_kernels_open_a_new_file_and_write_at_once() {
    const KERNELS: usize = 8;
    const CELLS: u32 = 30;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.sqlite");
    let begin = std::sync::Barrier::new(KERNELS);
    std::thread::scope(|scope| {
        for _ in 0..KERNELS {
            scope.spawn(|| {
                begin.wait();
                let history = History::open(&path);
                (1..=CELLS).for_each(|line| history.record(line, "cell"));
                // The answer stands behind all that was recorded.
                for _ in 0..20 {
                    if history.query(HistoryQuery::Tail { n: 1 }).len() == 1 {
                        break;
                    }
                }
            });
        }
    });
    let all = History::open(&path).query(HistoryQuery::Tail { n: usize::MAX });
    let mut found: Vec<(i64, i64)> = all.iter().map(|entry| (entry.session, entry.line)).collect();
    found.sort_unstable();
    let sessions = 1..=i64::try_from(KERNELS).unwrap();
    let expected: Vec<(i64, i64)> = sessions
        .flat_map(|session| (1..=i64::from(CELLS)).map(move |line| (session, line)))
        .collect();
    assert_eq!(found, expected);
}
