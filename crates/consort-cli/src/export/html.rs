//! A conversation as a page that stands alone. Nothing in it runs, whatever was said.
use super::{Piece, pieces, speaker, title};
use crate::time::minute;
use consort_core::Role;
use consort_store::{Conversation, Turn};
use pulldown_cmark::{Event, Options, Parser, html};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem;\
color:#1d1d1f;background:#fff}h1{font-size:1.4rem}section{border-top:1px solid #ddd;padding:.5rem 0}\
h2{font-size:.9rem;color:#666;margin:.5rem 0}pre{background:#f5f5f7;padding:.75rem;overflow-x:auto}\
.you{background:#f5f5f7;padding:.5rem 1rem}.aside{color:#666;font-size:.9rem}\
@media(prefers-color-scheme:dark){body{color:#eee;background:#1d1d1f}pre,.you{background:#2c2c2e}\
section{border-color:#444}h2,.aside{color:#aaa}}";

pub(super) fn page(conversation: &Conversation, path: &[Turn]) -> String {
    let title = escaped(title(conversation));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
         <h1>{title}</h1>\n<p class=\"aside\">{} UTC</p>\n",
        minute(conversation.created)
    );
    for turn in path {
        let class = if turn.role == Role::User { " class=\"you\"" } else { "" };
        page.extend(["<section", class, ">\n<h2>", &escaped(&speaker(turn)), "</h2>\n"]);
        for piece in pieces(turn) {
            match piece {
                Piece::Text(text) => page.push_str(&rendered(text)),
                Piece::Thought(text) => {
                    page.extend([
                        "<details class=\"aside\"><summary>Thinking</summary>",
                        &rendered(text),
                        "</details>\n",
                    ]);
                }
                Piece::Note(text) => {
                    page.extend(["<p class=\"aside\"><code>", &escaped(&text), "</code></p>\n"])
                }
                Piece::Result(text) => page.extend(["<pre>", &escaped(&text), "</pre>\n"]),
            }
        }
        page.push_str("</section>\n");
    }
    page.push_str("</html>\n");
    page
}

/// Markdown as HTML. HTML in it is text, and links lead to the web or nowhere.
fn rendered(text: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let safe = Parser::new_ext(text, options).map(|event| match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        Event::Start(tag) => Event::Start(harmless(tag)),
        other => other,
    });
    let mut page = String::new();
    html::push_html(&mut page, safe);
    page
}

fn harmless(tag: pulldown_cmark::Tag<'_>) -> pulldown_cmark::Tag<'_> {
    use pulldown_cmark::Tag;
    let web = |url: &str| {
        let url = url.trim().to_ascii_lowercase();
        url.starts_with("https://") || url.starts_with("http://") || url.starts_with("mailto:")
    };
    match tag {
        Tag::Link { link_type, dest_url, title, id } if !web(&dest_url) => {
            Tag::Link { link_type, dest_url: "#".into(), title, id }
        }
        Tag::Image { link_type, dest_url, title, id } if !web(&dest_url) => {
            Tag::Image { link_type, dest_url: "#".into(), title, id }
        }
        other => other,
    }
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_was_said_runs() {
        let page = rendered(
            "<script>alert(1)</script> a <b onclick=x>b</b> [l](javascript:alert(1)) ![i](data:x) `<i>`",
        );
        for bad in ["<script", "<b ", "javascript:", "data:x", "<i>"] {
            assert!(!page.contains(bad), "{bad}: {page}");
        }
        assert!(rendered("[l](https://example.com)").contains("href=\"https://example.com\""));
        assert_eq!(escaped("<&\">"), "&lt;&amp;&quot;&gt;");
    }
}
