//! What a Python file's PEP 723 block asks for.
use super::block::Block;
use super::fields::Fields;
use consort_settings::Problem;
use std::path::Path;

/// What a Python file's PEP 723 block asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Script {
    pub(super) dependencies: Vec<String>,
    pub(super) requires_python: Option<String>,
}

impl Script {
    pub(super) fn read(file: &Path, block: &Block) -> (Self, Vec<Problem>) {
        let mut script = Self::default();
        // Without its end it is no block, says PEP 723, and other tools would not see it either.
        if !block.ended {
            return (script, Vec::new());
        }
        let mut fields = Fields::new(file, &block.toml, block.before);
        for (key, value) in fields.table().iter().flatten() {
            match key.get_ref().as_ref() {
                "dependencies" => {
                    script.dependencies = fields.texts("dependencies", value).unwrap_or_default();
                }
                "requires-python" => script.requires_python = fields.text("requires-python", value),
                // `[tool]` and what later versions add are for others.
                _ => {}
            }
        }
        (script, fields.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_script_asks_for() {
        let read =
            |source: &str| Script::read(Path::new("a.py"), &super::super::block::script(source).unwrap());
        let (script, problems) = read(
            "# /// script\n# requires-python = \">=3.11\"\n# dependencies = [\n#   \"httpx\",\n# ]\n# [tool.uv]\n# x = 1\n# ///\n",
        );
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(
            (script.dependencies, script.requires_python),
            (vec!["httpx".to_owned()], Some(">=3.11".to_owned()))
        );
        assert_eq!(read("# /// script\n# dependencies = 'httpx'\n# ///\n").1[0].line, Some(2));
        assert_eq!(read("# /// script\n# dependencies = ['httpx']\nx = 1\n"), (Script::default(), vec![]));
    }
}
