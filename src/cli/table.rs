//! Plain text tables: columns as wide as their widest cell, two spaces between.

/// Lays out rows under a header. Cells are padded by characters, so that text with accents lines
/// up; the last column is not padded. No rows give the header alone.
pub fn layout(header: &[&str], rows: &[impl AsRef<[String]>]) -> String {
    let width = |column: usize| {
        let cells =
            rows.iter().filter_map(|row| row.as_ref().get(column)).map(|c| c.chars().count());
        cells.chain(header.get(column).map(|c| c.chars().count())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let mut text = line(header.to_vec());
    for row in rows {
        text += &line(row.as_ref().iter().map(String::as_str).collect());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::layout;

    #[test]
    fn columns_line_up() {
        let rows = vec![vec!["L4".into(), "left".into()], vec!["T12".into(), "right".into()]];
        assert_eq!(layout(&["level", "side"], &rows), "level  side\nL4     left\nT12    right\n");
    }
}
