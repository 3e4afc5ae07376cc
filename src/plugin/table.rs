//! A table that fits the terminal: columns that do not fit move to a line below their row; if that is
//! not enough, values are cut.

use crate::terminal::{Output, Style, columns, printable};

/// The number of spaces between two columns.
const GAP: usize = 2;
/// The least width that a column is cut to.
const NARROWEST: usize = 8;

#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) title: &'static str,
    pub(super) layout: Layout,
}

/// Where the values of a column are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// Always in the row.
    Row,
    /// In the row if it fits, else on the line below, after this word. The column with the lowest number
    /// moves first.
    Yields(u8, &'static str),
}

#[derive(Debug, Clone)]
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(super) fn new(text: &str, style: Style) -> Self {
        Self { text: printable(text), style }
    }

    pub(super) fn plain(text: &str) -> Self {
        Self::new(text, Style::Plain)
    }
}

/// The table as text; each row has as many cells as there are columns.
pub(super) fn table(all: &[Column], rows: &[Vec<Cell>], output: &Output) -> String {
    let mut shown: Vec<Shown> = all
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let cells = rows.iter().filter_map(|row| row.get(index)).map(|cell| columns(&cell.text));
            Shown { index, column, width: cells.chain([columns(column.title)]).max().unwrap_or(0) }
        })
        .collect();
    let below = output.width().map(|width| make_room(&mut shown, width)).unwrap_or_default();
    let mut text = line(&shown, output, |shown| (shown.column.title, Style::Strong));
    for row in rows {
        text.push_str(&line(&shown, output, |shown| {
            row.get(shown.index).map_or(("", Style::Plain), |cell| (&cell.text, cell.style))
        }));
        let said: Vec<String> = below
            .iter()
            .filter_map(|(index, word)| row.get(*index).map(|cell| (word, &cell.text)))
            .filter(|(_, text)| !text.is_empty())
            .map(|(word, text)| format!("{word}{text}"))
            .collect();
        if !said.is_empty() {
            text.push_str(&output.paragraph("  ", &said.join(" · ")));
        }
    }
    text
}

struct Shown<'a> {
    index: usize,
    column: &'a Column,
    width: usize,
}

/// Moves columns below the row, and then narrows the widest, until all fit into `width`. Returns the
/// index and word of each moved column.
fn make_room(shown: &mut Vec<Shown<'_>>, width: usize) -> Vec<(usize, &'static str)> {
    let total =
        |shown: &[Shown<'_>]| shown.iter().map(|s| s.width).sum::<usize>() + GAP * shown.len().saturating_sub(1);
    let mut below = Vec::new();
    while total(shown) > width {
        let yielding = shown.iter().filter_map(|s| match s.column.layout {
            Layout::Yields(order, word) => Some((order, s.index, word)),
            Layout::Row => None,
        });
        let Some((_, index, word)) = yielding.min() else { break };
        shown.retain(|s| s.index != index);
        below.push((index, word));
    }
    below.sort_unstable();
    while total(shown) > width {
        let Some(widest) = shown.iter_mut().max_by_key(|s| s.width).filter(|s| s.width > NARROWEST) else { break };
        widest.width -= 1;
    }
    below
}

fn line<'a>(shown: &'a [Shown<'a>], output: &Output, cell: impl Fn(&'a Shown<'a>) -> (&'a str, Style)) -> String {
    let mut text = String::new();
    let mut blanks = 0; // spaces, printed only if a value follows
    for column in shown {
        let (value, style) = cell(column);
        let value = cut(value, column.width);
        if !value.is_empty() {
            text.push_str(&" ".repeat(blanks));
            text.push_str(&output.paint(&value, style));
            blanks = 0;
        }
        blanks += column.width - columns(&value) + GAP;
    }
    text.push('\n');
    text
}

/// Cuts `text` to `width` columns, with `…` at the end if something is missing.
fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        if columns(&kept) + columns(c.encode_utf8(&mut [0; 4])) + 1 > width {
            break;
        }
        kept.push(c);
    }
    kept + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 4] = [
        Column { title: "NAME", layout: Layout::Row },
        Column { title: "MODE", layout: Layout::Yields(2, "mode ") },
        Column { title: "DRIFT", layout: Layout::Yields(1, "drift: ") },
        Column { title: "AGE", layout: Layout::Row },
    ];

    fn at(width: Option<usize>, name: &str) -> String {
        let rows = [[name, "Enforce", "", "3s"], ["b", "Observe", "absolute 10h, not 8h", "12d"]];
        let rows: Vec<Vec<Cell>> = rows.iter().map(|row| row.iter().map(|text| Cell::plain(text)).collect()).collect();
        table(&COLUMNS, &rows, &Output::plain(width))
    }

    #[test]
    fn with_room_there_is_a_line_for_each_row() {
        let wide = "NAME  MODE     DRIFT                 AGE\n\
                    acme  Enforce                        3s\n\
                    b     Observe  absolute 10h, not 8h  12d\n";
        assert_eq!(at(None, "acme"), wide);
        assert_eq!(at(Some(40), "acme"), wide);
    }

    #[test]
    fn without_room_columns_move_below_and_nothing_is_lost() {
        let narrow = "NAME  MODE     AGE\nacme  Enforce  3s\nb     Observe  12d\n  drift: absolute 10h, not 8h\n";
        assert_eq!(at(Some(39), "acme"), narrow);
        let narrower =
            "NAME  AGE\nacme  3s\n  mode Enforce\nb     12d\n  mode Observe ·\n  drift: absolute\n  10h, not 8h\n";
        assert_eq!(at(Some(17), "acme"), narrower);
    }

    #[test]
    fn what_fits_nowhere_is_cut_with_a_sign() {
        let text = at(Some(20), &"n".repeat(60));
        assert!(text.lines().all(|line| columns(line) <= 20), "{text}");
        assert!(text.contains("nnnnnnnnnnnnnn…  3s"), "{text}");
        assert_eq!(cut("日本語", 4), "日…");
    }
}
