//! The code blocks of a guide, where CONSORT_GUIDES names a folder with the pages.
use std::path::PathBuf;

/// The blocks of code of the page whose name begins so, without their indentation on the page.
pub(crate) fn blocks(page: &str) -> Option<Vec<String>> {
    let Some(folder) = std::env::var_os("CONSORT_GUIDES").map(PathBuf::from) else {
        eprintln!("skipped: CONSORT_GUIDES names no folder with the pages");
        return None;
    };
    let pages = std::fs::read_dir(&folder).unwrap().flatten().map(|entry| entry.path());
    let mut named = pages.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(page));
    let page = named.next().unwrap_or_else(|| panic!("no page {page} in {}", folder.display()));
    let text = std::fs::read_to_string(page).unwrap().replace("\r\n", "\n");
    let mut found = Vec::new();
    let mut block: Option<(usize, String)> = None;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        match &mut block {
            None if matches!(line.trim(), "```python" | "```bash") => block = Some((indent, String::new())),
            None => {}
            Some(_) if line.trim() == "```" => found.extend(block.take().map(|(_, text)| text)),
            Some((by, text)) => {
                text.push_str(line.get(*by..).unwrap_or_default());
                text.push('\n');
            }
        }
    }
    Some(found)
}
