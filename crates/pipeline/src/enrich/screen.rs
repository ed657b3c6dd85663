//! The size of the screen.

/// Reads `1920x1080`; nothing larger than 16 bits a side.
pub(super) fn parse(text: &str) -> Option<(u32, u32)> {
    let (width, height) = text.split_once(['x', '×'])?;
    let side = |text: &str| text.trim().parse::<u16>().ok().map(u32::from);
    Some((side(width)?, side(height)?))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn sizes_are_two_numbers() {
        assert_eq!(parse("1920x1080"), Some((1920, 1080)));
        for odd in ["", "x", "1920", "70000x1", "-1x5", "1x2x3"] {
            assert_eq!(parse(odd), None, "{odd}");
        }
    }
}
