//! Text rows of results that we asked for ourselves.

/// The values of a text row, `None` for NULL; `None` in all when the row is malformed. A length-encoded length
/// stands in front of each ("Text Resultset Row").
pub(super) fn text_row(row: &[u8]) -> Option<Vec<Option<&[u8]>>> {
    let mut values = Vec::new();
    let mut rest = row;
    while let Some((&first, behind)) = rest.split_first() {
        let (length, behind) = match first {
            0xfb => {
                values.push(None);
                rest = behind;
                continue;
            }
            0xfc => {
                let (bytes, behind) = behind.split_first_chunk::<2>()?;
                (usize::from(u16::from_le_bytes(*bytes)), behind)
            }
            0xfd => {
                let (&[a, b, c], behind) = behind.split_first_chunk::<3>()?;
                let length = u32::from_le_bytes([a, b, c, 0]);
                (usize::try_from(length).ok()?, behind)
            }
            0xfe | 0xff => return None,
            small => (usize::from(small), behind),
        };
        let (value, behind) = behind.split_at_checked(length)?;
        values.push(Some(value));
        rest = behind;
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_values_and_null() {
        let row = b"\x01a\xfb\x00\xfc\x02\x00bc";
        assert_eq!(
            text_row(row),
            Some(vec![
                Some(&b"a"[..]),
                None,
                Some(&b""[..]),
                Some(&b"bc"[..])
            ])
        );
        assert_eq!(text_row(b"\x05a"), None);
        assert_eq!(text_row(b"\xff"), None);
    }
}
