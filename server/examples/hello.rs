//! A workflow by hand: asks for a name, greets, does work item by item, and shows a table.

#![expect(clippy::needless_pass_by_value, reason = "as a step is called")]

use std::process::ExitCode;
use std::time::Duration;

use pipulate::{Job, Pip};
use pipulate_server::{Field, Step, StepError, Workflow};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Order {
    item: String,
    pieces: u32,
    price: f64,
}

fn name(_: Pip, job: Job) -> Result<(), StepError> {
    println!("Nice to meet you, {}.", job.require::<String>("name")?);
    Ok(())
}

fn greeting(_: Pip, job: Job) -> Result<String, StepError> {
    let (name, excited): (String, bool) = (job.require("name")?, job.get_or("excited", false)?);
    Ok(format!("Hello, {name}{}", if excited { "!" } else { "." }))
}

fn orders(_: Pip, job: Job) -> Result<(), StepError> {
    let items: Vec<String> = job.require("items")?;
    if items.is_empty() {
        Err("there is nothing to order: write at least one item")?;
    }
    Ok(())
}

/// Goes on where it stopped: what is done is in the job.
fn priced(_: Pip, job: Job) -> Result<(), StepError> {
    let items: Vec<String> = job.require("items")?;
    let mut priced: Vec<Order> = job.get_or("priced", Vec::new())?;
    for (index, item) in pipulate::progress(items.iter().enumerate()).with_label("Asking for prices") {
        if index < priced.len() {
            continue;
        }
        std::thread::sleep(Duration::from_millis(150));
        let length = u32::try_from(item.len())?;
        priced.push(Order {
            item: item.clone(),
            pieces: 1 + length % 3,
            price: f64::from(length) * 1.25,
        });
        job.set("priced", &priced)?;
    }
    Ok(())
}

fn summary(_: Pip, job: Job) -> Result<serde_json::Value, StepError> {
    let orders: Vec<Order> = job.require("priced")?;
    let total: f64 = orders.iter().map(|order| f64::from(order.pieces) * order.price).sum();
    pipulate::display(&pipulate::table(&orders));
    pipulate::display_svg(bars(&orders));
    Ok(serde_json::json!({ "orders": orders.len(), "total": total }))
}

fn bars(orders: &[Order]) -> String {
    let bars: Vec<String> = orders
        .iter()
        .enumerate()
        .map(|(index, order)| {
            let height = order.price * 6.0;
            let (x, y) = (index * 60 + 10, 120.0 - height);
            format!("<rect x='{x}' y='{y}' width='40' height='{height}' rx='4' fill='#4c7fd1'/>")
        })
        .collect();
    let bars = bars.concat();
    let width = orders.len() * 60 + 20;
    format!("<svg viewBox='0 0 {width} 130' width='{width}' height='130'>{bars}</svg>")
}

fn workflow() -> Workflow {
    Workflow::new("hello")
        .title("Hello workflow")
        .description("Asks who you are, greets you, and finds out what your order costs. **Try it**: stop the server while it works.")
        .source("", include_str!("hello.rs"), "")
        .step(
            Step::saves("name", name)
                .label("Your name")
                .field(Field::new::<String>("name").label("What is your name?").help("As you want to be greeted."))
                .field(Field::new::<bool>("excited").label("With an exclamation mark")),
        )
        .step(Step::computes("greeting", greeting).label("Greeting").description("What comes out of *your name*."))
        .step(
            Step::saves("orders", orders).label("What to order").field(
                Field::new::<Vec<String>>("items")
                    .label("Items")
                    .help("A JSON array of names.")
                    .default(|_, _| Ok(["Tea", "Milk", "Biscuits"])),
            ),
        )
        .step(Step::saves("prices", priced).label("Prices").sets(["priced"]))
        .step(Step::computes("summary", summary).label("Summary"))
}

fn main() -> ExitCode {
    pipulate_server::main([workflow()])
}
