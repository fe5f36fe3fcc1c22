//! The answers that an input allows.

/// What is wrong with an answer that is none of the choices, as a sentence; `None` where it is one, or any answer will do. The answer to a
/// secret is not repeated.
///
/// ```
/// use pipulate::state::fault_in_choice;
///
/// let choices = ["red".to_owned(), "blue".to_owned()];
/// assert_eq!(fault_in_choice("red", &choices, false), None);
/// assert_eq!(fault_in_choice("pink", &[], false), None);
/// let fault = fault_in_choice("pink", &choices, false);
/// assert_eq!(fault.as_deref(), Some("`pink` is none of the choices: `red`, `blue`."));
/// let fault = fault_in_choice("pink", &choices, true);
/// assert_eq!(fault.as_deref(), Some("That is none of the choices: `red`, `blue`."));
/// ```
pub fn fault_in_choice(answer: &str, choices: &[String], secret: bool) -> Option<String> {
    if choices.is_empty() || choices.iter().any(|choice| choice == answer) {
        return None;
    }
    let shown = if secret {
        "That".to_owned()
    } else {
        format!("`{answer}`")
    };
    let choices: Vec<String> = choices.iter().map(|choice| format!("`{choice}`")).collect();
    Some(format!("{shown} is none of the choices: {}.", choices.join(", ")))
}
