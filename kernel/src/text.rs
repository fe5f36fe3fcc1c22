//! Cursor positions: the protocol counts code points, Rust counts bytes.

/// The byte offset of the code point at `position`; the end of the text when the position is beyond it.
pub(crate) fn byte_offset(text: &str, position: usize) -> usize {
    text.char_indices()
        .nth(position)
        .map_or(text.len(), |(offset, _)| offset)
}

/// How many code points stand before a byte offset. An offset inside a code point counts as its start.
pub(crate) fn position(text: &str, offset: usize) -> usize {
    text.char_indices()
        .take_while(|(start, char)| start + char.len_utf8() <= offset)
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn positions_count_code_points() {
        let text = "é🦀x";
        assert_eq!([0, 1, 2, 3, 9].map(|at| byte_offset(text, at)), [0, 2, 6, 7, 7]);
        assert_eq!(
            [0, 1, 2, 4, 6, 7, 99].map(|at| position(text, at)),
            [0, 0, 1, 1, 2, 3, 3]
        );
    }

    proptest! {
        #[test]
        fn there_and_back(text in ".*", at in 0usize..40) {
            prop_assert_eq!(position(&text, byte_offset(&text, at)), at.min(text.chars().count()));
        }
    }
}
