use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use serde_json::json;

use super::{DEEPEST, Fault, to_text};

#[derive(Serialize)]
struct Order {
    name: &'static str,
    items: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    price: f32,
}

#[derive(Serialize)]
enum Shape {
    Empty,
    Circle(f64),
    Line(f64, f64),
    Square { side: f64 },
}

fn check_fault<T: Serialize>(value: &T, expected_path: &str, expected_reason: &str) {
    match to_text(value, 1000) {
        Err(Fault::Unrepresentable { path, reason }) => {
            assert_eq!(path, expected_path);
            assert!(reason.contains(expected_reason), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

fn check_text<T: Serialize>(value: &T) {
    assert_eq!(to_text(value, 10_000).unwrap(), serde_json::to_string(value).unwrap());
}

#[test]
fn writes_what_serde_json_writes() {
    check_text(&Order {
        name: "a",
        items: vec![Item { price: 1.5 }],
    });
    check_text(&[
        Shape::Empty,
        Shape::Circle(1.0),
        Shape::Line(1.0, 2.0),
        Shape::Square { side: 1.0 },
    ]);
    check_text(&json!({"z": [1, null, true, {"a": "b"}], "a": -1.5e300}));
    check_text(&(u128::MAX, i128::MIN, 'c', (), Some(1), None::<u8>, u64::MAX));
    check_text(&BTreeMap::from([(1, "one"), (2, "two")]));
    check_text(&"\u{0}\"\n\u{2028}");
}

#[test]
fn names_the_place_of_what_json_cannot_hold() {
    check_fault(&f64::NAN, "", "NaN");
    check_fault(
        &Order {
            name: "a",
            items: vec![Item { price: 1.0 }, Item { price: f32::INFINITY }],
        },
        "items[1].price",
        "infinity",
    );
    check_fault(
        &Some(HashMap::from([("a b", [f64::NEG_INFINITY])])),
        "a b[0]",
        "-infinity",
    );
    check_fault(&(1, Shape::Line(1.0, f64::NAN)), "[1].Line[1]", "NaN");
    check_fault(&Shape::Square { side: f64::NAN }, "Square.side", "NaN");
    check_fault(&Shape::Circle(f64::NAN), "Circle", "NaN");
    check_fault(&BTreeMap::from([(7, f64::NAN)]), "7", "NaN");
    check_fault(&[HashMap::from([((1, 2), 3)])], "[0]", "key must be a string");
}

#[test]
fn refuses_a_key_that_is_there_twice() {
    #[derive(Serialize)]
    struct Flat {
        price: u8,
        #[serde(flatten)]
        more: BTreeMap<&'static str, u8>,
    }
    #[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
    #[serde(untagged)]
    enum Key {
        Number(u8),
        Text(&'static str),
    }
    let flat = |name| Flat {
        price: 1,
        more: BTreeMap::from([(name, 2)]),
    };
    check_text(&flat("size"));
    check_fault(&[flat("price")], "[0].price", "the key is there twice");
    let keys = BTreeMap::from([(Key::Number(7), 1), (Key::Text("7"), 2)]);
    check_fault(&keys, "7", "the key is there twice");
    check_text(&[BTreeMap::from([("a", 1)]), BTreeMap::from([("a", 2)])]);
}

#[test]
fn refuses_what_could_not_be_read_back() {
    let nested = |levels: usize| (0..levels).fold(json!(1), |value, _| json!([value]));
    let text = to_text(&nested(DEEPEST), 10_000).unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
    let fault = to_text(&nested(DEEPEST + 1), 10_000).unwrap_err();
    assert!(fault.to_string().contains("nested more than 127 levels"), "{fault}");
}

#[test]
fn tells_the_whole_size_of_what_is_too_large() {
    assert_eq!(to_text(&"x".repeat(98), 100).unwrap().len(), 100);
    assert_eq!(
        to_text(&"x".repeat(99), 100),
        Err(Fault::TooLarge { size: 101, limit: 100 })
    );
    assert_eq!(
        to_text(&vec!["x"; 1000], 100),
        Err(Fault::TooLarge { size: 4001, limit: 100 })
    );
}
