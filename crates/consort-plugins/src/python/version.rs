//! Which versions of Python a file says it runs on: the specifiers of PEP 440, as far as they say something of 3.x.

/// Whether a version fits all parts of a specifier. What cannot be read says nothing: an installer would tell.
pub(crate) fn fits(specifier: &str, (major, minor): (u32, u32)) -> bool {
    specifier.split(',').all(|part| {
        let part = part.trim();
        let end = part.find(|letter: char| letter.is_ascii_digit()).unwrap_or(part.len());
        let (sign, version) = part.split_at(end);
        let mut numbers = version.split('.').map_while(|number| number.parse::<u32>().ok());
        let Some(first) = numbers.next() else { return true };
        let (second, third) = (numbers.next(), numbers.next());
        let here = (major, minor);
        let wanted = (first, second.unwrap_or(0));
        // Of `3.11.4` only the beginning is known here: it lies within `3.11`.
        let within = third.is_some_and(|number| number > 0);
        match sign.trim() {
            ">=" => here >= wanted,
            ">" => here > wanted || (within && here == wanted),
            "<" => here < wanted || (within && here == wanted),
            "<=" => here <= wanted,
            "~=" if third.is_some() => here == wanted,
            "~=" => major == first && here >= wanted,
            "==" | "===" if second.is_none() => major == first,
            "==" | "===" => here == wanted,
            "!=" => third.is_some() || here != wanted,
            _ => true,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn specifiers() {
        for (specifier, wanted) in [
            (">=3.10", true),
            (">=3.11", true),
            (">= 3.12", false),
            (">=3.10,<3.12", true),
            (">=3.10,<3.11", false),
            ("<3.11.9", true),
            (">3.11", false),
            (">3.11.2", true),
            ("<=3.11", true),
            ("~=3.10", true),
            ("~=3.12", false),
            ("~=3.11.2", true),
            ("~=3.10.2", false),
            ("==3.11.*", true),
            ("==3.*", true),
            ("==3.12.*", false),
            ("!=3.11.*", false),
            ("!=3.11.0", true),
            (">=4", false),
            ("nonsense", true),
            ("", true),
        ] {
            assert_eq!(fits(specifier, (3, 11)), wanted, "{specifier}");
        }
    }
}
