//! The workflows of the tests.

use std::io::Write;
use std::time::Duration;

use pipulate::{Job, Pip};
use pipulate_server::{Field, Step, StepError, Workflow};
use serde::{Deserialize, Serialize};

pub(crate) fn all() -> [Workflow; 7] {
    [hello(), trouble(), shapes(), quiet(), items(), silent(), defaults()]
}

/// Asks for a name, greets, shouts.
fn hello() -> Workflow {
    Workflow::new("hello")
        .title("Hello workflow")
        .description("Says *hello*.<script>alert(1)</script>")
        .source(
            "const WORD: &str = \"Hello\";",
            "pub fn greeting(_: Pip, job: Job) -> Result<String, StepError> { Ok(WORD.to_owned()) }",
            "[package]\nname = \"hello\"\n",
        )
        .step(
            Step::saves("ask", |_, job: Job| {
                println!("asked {}", job.require::<String>("name")?);
                Ok(())
            })
            .label("Your name")
            .field(
                Field::new::<String>("name")
                    .label("What is your name?")
                    .help("As you want to be greeted."),
            )
            .field(Field::new::<u8>("age").label("Your age").default(|_, _| Ok(36))),
        )
        .step(Step::computes("greeting", greeting).label("Greeting"))
        .step(Step::computes("shout", |_, job: Job| {
            Ok(job.require::<String>("greeting")?.to_uppercase())
        }))
        .step(
            Step::saves("wish", |_, _| Ok(())).label("A wish").field(
                Field::new::<String>("wish")
                    .label("Your wish")
                    .choices(["peace", "bread"]),
            ),
        )
        .step(Step::computes("end", |_, job: Job| {
            job.update("runs", |runs: Option<u32>| runs.unwrap_or(0) + 1)?;
            Ok(0)
        }))
}

fn greeting(_: Pip, job: Job) -> Result<String, StepError> {
    println!("greeting {}", job.require::<String>("name")?);
    Ok(format!("Hello, {}!", job.require::<String>("name")?))
}

/// Each step fails in its own way, as the field says.
fn trouble() -> Workflow {
    Workflow::new("trouble").step(
        Step::computes("work", |_, job: Job| {
            let how: String = job.require("how")?;
            println!("before");
            match how.as_str() {
                "panic" => panic!("on purpose"),
                "exit" => std::process::exit(3),
                "abort" => std::process::abort(),
                "kill" => {
                    let own = rustix_pid();
                    std::process::Command::new("kill").args(["-9", &own]).status()?;
                    std::thread::sleep(Duration::from_secs(60));
                }
                "error" => {
                    "x".parse::<i32>()?;
                }
                "missing" => {
                    job.require::<String>("nowhere")?;
                }
                "nan" => {
                    return Ok(serde_json::Value::Null).and_then(|_: serde_json::Value| Err("not a number".into()));
                }
                "slow" => {
                    for index in pipulate::progress(0..600).with_label("Waiting") {
                        if index == 2 {
                            job.set("reached", &index)?;
                        }
                        std::thread::sleep(Duration::from_millis(100));
                    }
                }
                "lock" => job.finalize()?,
                "long" => {
                    pipulate::display_html("x".repeat(10 << 20));
                    Err("y".repeat(1 << 20))?;
                }
                "child" => {
                    let child = std::process::Command::new("sleep").arg("600").spawn()?;
                    job.set("child", &child.id())?;
                    std::thread::sleep(Duration::from_secs(60));
                }
                _ => {}
            }
            Ok(serde_json::json!(how))
        })
        .field(Field::new::<String>("how")),
    )
}

fn rustix_pid() -> String {
    std::process::id().to_string()
}

#[derive(Serialize, Deserialize)]
struct Row {
    name: String,
    count: u32,
}

struct Drawn;

impl Drawn {
    #[expect(clippy::unused_self, reason = "as evcxr calls it")]
    fn evcxr_display(&self) {
        println!("EVCXR_BEGIN_CONTENT text/html\n<b onclick='x()'>drawn</b><svg width='9'></svg>\nEVCXR_END_CONTENT");
    }
}

#[derive(Debug)]
struct OnlyDebug;

/// Fields of every kind, and outputs of every kind.
fn shapes() -> Workflow {
    let fields = Step::saves("fields", |_, _| Ok(()))
        .field(Field::new::<String>("text"))
        .field(Field::new::<i64>("number"))
        .field(Field::new::<bool>("yes"))
        .field(Field::new::<String>("one").choices(["a", "b"]))
        .field(Field::new::<Vec<u8>>("list"))
        .field(Field::new::<Option<f64>>("maybe"))
        .field(Field::new::<pipulate::Bytes>("file"))
        .field(Field::new::<String>("api_key").secret());
    let outputs = Step::computes("outputs", |_, job: Job| {
        let key: String = pipulate_server::secret("api_key")?;
        print!("é");
        std::io::stdout().flush()?;
        eprintln!("a warning of {} letters", key.len());
        pipulate::display(&pipulate::table(&[Row {
            name: "<i>x</i>".to_owned(),
            count: 3,
        }]));
        pipulate::display_html("<script>alert(1)</script><em>html</em>");
        pipulate::display_markdown("**bold**");
        pipulate::display_with_id("state", "waiting");
        pipulate::update_display("state", "finished");
        pipulate_server::show!(Drawn);
        pipulate_server::show!(OnlyDebug);
        pipulate_server::show!("text");
        pipulate_server::show!(());
        let number = pipulate_server::block_on(async { 7 });
        Ok(serde_json::json!({ "number": number, "job": job.key().as_str(), "list": [1, 2, { "deep": true }] }))
    });
    Workflow::new("shapes").step(fields).step(outputs)
}

/// Works item by item, saves after each, and goes on where it stopped.
fn items() -> Workflow {
    Workflow::new("items")
        .step(
            Step::saves("each", |_, job: Job| {
                let mut done: Vec<u32> = job.get_or("done", Vec::new())?;
                println!("goes on at {}", done.len());
                while done.len() < 5 {
                    done.push(u32::try_from(done.len())?);
                    job.set("done", &done)?;
                    if done.len() == 2 && job.get_or("slow", true)? {
                        std::thread::sleep(Duration::from_secs(60));
                    }
                }
                Ok(())
            })
            .sets(["done"]),
        )
        .step(Step::computes("sum", |_, job: Job| {
            Ok(job.require::<Vec<u32>>("done")?.iter().sum::<u32>())
        }))
}

/// Its form begins with what it takes, with what it refuses, and with what cannot be worked out.
fn defaults() -> Workflow {
    Workflow::new("defaults").step(
        Step::saves("ask", |_, _| Ok(()))
            .field(Field::new::<Option<String>>("nobody").default(|_, _| Ok(None::<String>)))
            .field(Field::new::<Vec<u8>>("list").default(|_, _| Ok([1, 2])))
            .field(Field::new::<u8>("age").default(|_, _| Ok(300)))
            .field(
                Field::new::<String>("wish")
                    .choices(["peace", "bread"])
                    .default(|_, _| Ok("war")),
            )
            .field(Field::new::<u8>("late").default(|_, job: Job| Ok(job.require::<u8>("never")?)))
            .field(Field::new::<u8>("lost").default(|_, _| -> Result<u8, StepError> { panic!("on purpose") })),
    )
}

/// Ends with a step that gives no values.
fn silent() -> Workflow {
    Workflow::new("silent")
        .step(Step::computes("zero", |_, _| Ok(0)))
        .step(Step::saves("only", |_, _| Ok(())))
}

/// Nothing to ask: all of it runs when the job is opened.
fn quiet() -> Workflow {
    Workflow::new("quiet/ü")
        .step(Step::saves("nothing", |_, _| Ok(())))
        .step(Step::computes("zero", |_, _| Ok(0)))
        .step(Step::computes("empty", |_, _| Ok("")))
        .step(Step::computes("no", |_, _| Ok(false)))
        .step(
            Step::saves("sometimes", |_, job: Job| {
                if job.require::<i32>("zero")? > 0 {
                    job.set("never", &1)?;
                }
                Ok(())
            })
            .sets(["never"]),
        )
        .step(Step::computes("none", |_, _| Ok(None::<u8>)))
}
