//! The workflow's title, and what is said about each step: the notebook's markdown.

use super::Plan;
use super::read::skip_tag;
use crate::markdown::first_heading;
use crate::notebook::CellKind;
use crate::report::Outcome;

impl Plan<'_> {
    /// The first heading before the first step is the title, and the rest of its cell says what the workflow is for. All other markdown
    /// is about the step that comes next; a heading that it begins with is the step's label, unless the cell gives one.
    pub(super) fn describe(&mut self) {
        let notebook = self.notebook;
        let first_step = self.steps.first().map(|step| self.code[step.code].index);
        let mut waiting: Vec<(usize, String)> = Vec::new();
        for (index, cell) in notebook.cells.iter().enumerate() {
            match cell.kind {
                CellKind::Raw => {
                    self.outcomes[index] = left_out("a raw cell is for other programs");
                    continue;
                }
                CellKind::Code => {
                    let step = self.steps.iter().position(|step| self.code[step.code].index == index);
                    if let Some(step) = step {
                        self.describe_step(step, &std::mem::take(&mut waiting));
                    }
                    continue;
                }
                CellKind::Markdown => {}
            }
            if let Some(tag) = skip_tag(cell) {
                self.outcomes[index] = left_out(format!("it is tagged `{tag}`"));
                continue;
            }
            if cell.has_attachments {
                self.note(index, 0, "the files attached to it are left out");
            }
            let text = cell.source.replace("\r\n", "\n").replace('\r', "\n").trim().to_owned();
            if text.is_empty() {
                self.outcomes[index] = left_out("nothing stands in it");
                continue;
            }
            let may_be_title = self.title.is_none() && first_step.is_some_and(|first| index < first);
            match first_heading(&text).filter(|_| may_be_title) {
                Some(heading) => {
                    self.title = Some(heading.text);
                    self.description = heading.rest;
                    self.outcomes[index] = Outcome::Title;
                }
                None => waiting.push((index, text)),
            }
        }
        for (index, _) in waiting {
            self.outcomes[index] = left_out("no step comes after it");
        }
    }

    fn describe_step(&mut self, step: usize, waiting: &[(usize, String)]) {
        for (index, _) in waiting {
            self.outcomes[*index] = Outcome::Description {
                step: self.steps[step].name.clone(),
            };
        }
        let mut texts: Vec<String> = waiting.iter().map(|(_, text)| text.clone()).collect();
        let plan = &mut self.steps[step];
        if let Some(text) = texts.last_mut()
            && let Some(heading) = first_heading(text).filter(|heading| heading.is_first)
        {
            // A heading that says what the label says would stand below it once more.
            let label = plan.label.get_or_insert_with(|| heading.text.clone());
            if label.to_lowercase() == heading.text.to_lowercase() {
                *text = heading.rest;
            }
        }
        texts.retain(|text| !text.is_empty());
        plan.description = texts.join("\n\n");
    }
}

pub(super) fn left_out(reason: impl Into<String>) -> Outcome {
    Outcome::LeftOut { reason: reason.into() }
}
