//! `pipulate job`: what each command does, says and returns.

use crate::sandbox::Sandbox;

#[test]
fn a_value_is_set_and_read_back_as_it_was_written() {
    let sandbox = Sandbox::new();
    sandbox
        .run("job set hello-01 name '\"Ada\"'")
        .code(0)
        .stdout("Set `name` of `hello-01`, revision 1\n")
        .stderr("");
    sandbox
        .run("job get hello-01 name")
        .code(0)
        .stdout("\"Ada\"\n")
        .stderr("");
    // Keys keep their order, and numbers their digits.
    sandbox
        .run("job set hello-01 report '{\"b\": 1.50, \"a\": [null]}'")
        .code(0);
    sandbox
        .run("job get hello-01 report")
        .code(0)
        .stdout("{\"b\": 1.50, \"a\": [null]}\n");
    sandbox.run("job set hello-01 temperature -3").code(0);
    sandbox.run("job get hello-01 temperature").code(0).stdout("-3\n");
    // An equal value changes nothing.
    sandbox
        .run("job set hello-01 name '\"Ada\"'")
        .code(0)
        .stdout("Set `name` of `hello-01`, revision 1\n");
}

#[test]
fn a_value_may_come_from_standard_input() {
    let sandbox = Sandbox::new();
    sandbox.run_with_input("job set hello-01 list -", "[1,\n2]\n").code(0);
    sandbox.run("job get hello-01 list").code(0).stdout("[1,\n2]\n");
    sandbox
        .run_with_input("job set hello-01 list -", "Ada")
        .code(2)
        .stderr("error: on standard input, this is no JSON; text is written '\"Ada\"'\n");
    sandbox.run_with_input("job set hello-01 list -", "\u{feff}[3]").code(0);
    sandbox.run("job get hello-01 list").code(0).stdout("[3]\n");
}

#[test]
fn what_does_not_exist_is_exit_code_3() {
    let sandbox = Sandbox::new();
    let database = sandbox.path("pipeline.db");
    sandbox
        .run("job get hello-01 name")
        .code(3)
        .stderr_contains("error: there is no store at ")
        .stdout("");
    assert!(!database.exists(), "looking made a store");
    sandbox.prepare("job set hello-01 name 1");
    let no_job = "error: there is no job `other`\nhelp: `pipulate job list` shows the jobs there are.\n";
    for command in [
        "get other name",
        "show other",
        "remove other name",
        "history other",
        "revert other name",
        "undo other",
        "fork other new",
        "finalize other",
        "unfinalize other",
        "delete other",
        "export other",
        "prune --older-than 1d --job other",
    ] {
        sandbox.run(&format!("job {command}")).code(3).stdout("").stderr(no_job);
    }
    sandbox.run("job undelete other").code(3).stdout("").stderr(
        "error: there is no job `other`, deleted or not\n\
         help: `pipulate job list --deleted` shows the jobs that can come back.\n",
    );
    let no_step =
        "error: the job `hello-01` has no step `age`\nhelp: `pipulate job show hello-01` shows the steps it has.\n";
    sandbox.run("job get hello-01 age").code(3).stderr(no_step);
    sandbox.run("job remove hello-01 age").code(3).stderr(no_step);
    sandbox.run("job revert hello-01 age").code(3).stderr_contains("`age`");
    sandbox.run("job history hello-01 age").code(3).stderr(
        "error: the history of the job `hello-01` has no step `age`\n\
             help: `pipulate job history hello-01` shows all of it.\n",
    );
}

#[test]
fn removing_and_undoing() {
    let sandbox = Sandbox::new();
    sandbox.prepare("job set hello-01 name 1\n job set hello-01 age 2");
    sandbox
        .run("job remove hello-01 age")
        .code(0)
        .stdout("Removed `age` from `hello-01`\n");
    sandbox.run("job get hello-01 age").code(3);
    let undone = sandbox.run("job undo hello-01").code(0);
    assert!(
        undone
            .stdout
            .starts_with("Undid remove of `age` in `hello-01`, revision "),
        "{undone}"
    );
    sandbox.run("job get hello-01 age").code(0).stdout("2\n");
    sandbox.run("job undo hello-01").code(0);
    sandbox.run("job get hello-01 age").code(3);
    sandbox.run("job undo hello-01").code(0);
    sandbox
        .run("job undo hello-01")
        .code(3)
        .stderr("error: nothing is left to undo in the job `hello-01`\n");
}

#[test]
fn a_revert_of_many_steps_names_the_first_and_counts_the_rest() {
    let sandbox = Sandbox::new();
    let lines: Vec<_> = (1..=20).map(|number| format!("job set many s{number:02} 1")).collect();
    sandbox.prepare(&lines.join("\n"));
    sandbox.run("job revert many s01").code(0).stdout(
        "Opened `s01` of `many`, set aside `s02`, `s03`, `s04`, `s05`, `s06`, `s07`, `s08`, `s09` and 11 more\n",
    );
}

#[test]
fn a_revert_sets_later_steps_aside() {
    let sandbox = Sandbox::new();
    sandbox.prepare("job set hello-01 one 1\n job set hello-01 two 2\n job set hello-01 three 3");
    sandbox
        .run("job revert hello-01 one")
        .code(0)
        .stdout("Opened `one` of `hello-01`, set aside `two`, `three`\n");
    sandbox.run("job get hello-01 two").code(3).stdout("").stderr(
        "error: the step `two` of the job `hello-01` was set aside by a revert\n\
         help: `pipulate job show hello-01` shows its last value.\n",
    );
    let show = sandbox.run("job show hello-01 --json").json();
    assert_eq!(show["steps"][1]["status"], "suggested");
    assert_eq!(show["steps"][1]["value"], 2);
}

#[test]
fn a_finalized_job_refuses_every_change() {
    let sandbox = Sandbox::new();
    sandbox.prepare("job set hello-01 name 1");
    sandbox
        .run("job finalize hello-01")
        .code(0)
        .stdout("Finalized `hello-01`\n");
    for command in [
        "set hello-01 name 2",
        "remove hello-01 name",
        "revert hello-01 name",
        "undo hello-01",
        "delete hello-01",
    ] {
        let refused = sandbox.run(&format!("job {command}")).code(1).stdout("");
        assert!(
            refused.stderr.starts_with("error: ") && refused.stderr.contains("hello-01"),
            "{refused}"
        );
        assert!(
            refused
                .stderr
                .ends_with("\nhelp: `pipulate job unfinalize hello-01` opens it; nothing is lost by it.\n"),
            "{refused}"
        );
    }
    sandbox.run("job get hello-01 name").code(0).stdout("1\n");
    sandbox
        .run("job unfinalize hello-01")
        .code(0)
        .stdout("Opened `hello-01`\n");
    sandbox.run("job set hello-01 name 2").code(0);
}

#[test]
fn a_deleted_job_comes_back() {
    let sandbox = Sandbox::new();
    sandbox.prepare("job set hello-01 name 1\n job set hello-02 name 2");
    sandbox
        .run("job delete hello-01")
        .code(0)
        .stdout("Deleted `hello-01`\n");
    let keys = |line| {
        let jobs = sandbox.run(line).code(0).json();
        jobs.as_array()
            .unwrap()
            .iter()
            .map(|job| job["key"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(keys("job list --json"), ["hello-02"]);
    assert_eq!(keys("job list --json --deleted"), ["hello-01"]);
    sandbox
        .run("job get hello-01 name")
        .code(3)
        .stderr("error: the job `hello-01` is deleted\nhelp: `pipulate job undelete hello-01` brings it back.\n");
    sandbox.prepare("job set -- -p name 1\n job delete -- -p");
    sandbox
        .run("job get -- -p name")
        .code(3)
        .stderr("error: the job `-p` is deleted\nhelp: `pipulate job undelete -- -p` brings it back.\n");
    sandbox.run("job undelete -- -p").code(0);
    // Its history and its export stay within reach.
    sandbox.run("job history hello-01").code(0);
    assert_eq!(
        sandbox.run("job export hello-01").code(0).json()["job"]["deleted"],
        true
    );
    sandbox
        .run("job undelete hello-01")
        .code(0)
        .stdout("Brought `hello-01` back\n");
    sandbox
        .run("job undelete hello-01")
        .code(0)
        .stdout("`hello-01` is not deleted\n");
    sandbox.run("job get hello-01 name").code(0).stdout("1\n");
}

#[test]
fn a_fork_starts_over_where_it_is_told() {
    let sandbox = Sandbox::new();
    sandbox.prepare("job set a one 1\n job set a two 2\n job finalize a");
    sandbox.run("job fork a b").code(0).stdout("Forked `a` to `b`\n");
    sandbox.run("job get b two").code(0).stdout("2\n");
    sandbox.run("job fork a c --from two").code(0);
    sandbox.run("job get c one").code(0).stdout("1\n");
    sandbox.run("job get c two").code(3);
    sandbox.run("job fork a b").code(1).stderr_contains("`b`");
}

#[test]
fn pruning_shortens_the_history_for_good() {
    let sandbox = Sandbox::new();
    sandbox.prepare("job set a one 1\n job set a one 2\n job set b one 1\n job delete b");
    let events = |key: &str| {
        sandbox
            .run(&format!("job history {key} --json"))
            .code(0)
            .json()
            .as_array()
            .unwrap()
            .len()
    };
    let before = (events("a"), events("b"));
    assert!(before.0 >= 2);
    sandbox
        .run("job prune --older-than 1d")
        .code(0)
        .stdout("Removed 0 events\nKept the values that steps have\n");
    let counted = sandbox.run("job prune --older-than 0s --job a --dry-run").code(0);
    assert_eq!(
        counted.stdout,
        format!(
            "Would remove {} events\nWould keep the values that steps have\n",
            before.0
        )
    );
    assert_eq!((events("a"), events("b")), before);
    let pruned = sandbox.run("job prune --older-than 0s --job a").code(0);
    assert_eq!(
        pruned.stdout,
        format!("Removed {} events\nKept the values that steps have\n", before.0)
    );
    sandbox
        .run("job history a")
        .code(0)
        .stdout("Nothing is left of the history: it was pruned.\n");
    assert_eq!((events("a"), events("b")), (0, before.1));
    sandbox.run("job get a one").code(0).stdout("2\n");
    let gone = sandbox.run("job prune --older-than 0s --deleted-jobs").code(0);
    assert!(
        gone.stdout
            .ends_with(" and 1 deleted job\nKept the values that steps have\n"),
        "{gone}"
    );
    sandbox.run("job undelete b").code(3);
    sandbox.prepare("job set locked one 1\n job finalize locked");
    let kept = sandbox.run("job prune --older-than 0s").code(0);
    assert!(
        kept.stdout
            .ends_with("\nKept the values that steps have, and the whole history of 1 finalized job\n"),
        "{kept}"
    );
    sandbox
        .run("job prune --older-than 0s --job locked")
        .code(1)
        .stdout("")
        .stderr_contains("job `locked` is finalized");
}

#[test]
fn values_that_cannot_be_kept_are_refused() {
    let sandbox = Sandbox::new();
    sandbox
        .run("job set a one 1e999")
        .code(2)
        .stdout("")
        .stderr_contains("error: ");
    sandbox.run("job set '' one 1").code(2).stderr_contains("empty");
    sandbox.run("job get a one").code(3);
}

#[test]
fn one_folder_has_one_store() {
    let sandbox = Sandbox::new();
    sandbox.run("job set hello-01 name 1 --db other.db").code(0);
    sandbox.run("job get hello-01 name").code(3);
    sandbox
        .run("--db sqlite:other.db job get hello-01 name")
        .code(0)
        .stdout("1\n");
    sandbox
        .run("--db postgres://nowhere job list")
        .code(2)
        .stderr_contains("postgres");
    // Upward from the working folder.
    sandbox.write(".pipulate/pipeline.db", "");
    let below = sandbox.path("a/b");
    std::fs::create_dir_all(&below).unwrap();
    let run = |arguments: &[&str]| {
        sandbox
            .command(arguments)
            .current_dir(&below)
            .env_remove("PIPULATE_URL")
            .output()
            .unwrap()
            .stdout
    };
    assert_eq!(run(&["job", "set", "k", "s", "7"]), b"Set `s` of `k`, revision 1\n");
    sandbox
        .run("job get k s --db .pipulate/pipeline.db")
        .code(0)
        .stdout("7\n");
}
