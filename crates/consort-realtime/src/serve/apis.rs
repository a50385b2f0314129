//! Where live sessions are served, in which format, and where its clients put their key.
use crate::wire::{GeminiServed, OpenAiServed, ServedWire};

/// One address at which live sessions are served, in all the ways in which its clients write it.
#[derive(Debug, Clone, Copy)]
pub struct LiveApi {
    /// As it is written at this time.
    pub path: &'static str,
    /// Whether the address names the model, by `model` behind its question mark; else the client's first message does.
    pub names_model: bool,
    /// Where clients put their key, beside `Authorization: Bearer`: a header, a name behind the question mark, the start of
    /// a sub-protocol's name, which is all that a page in a browser can say.
    pub key_header: Option<&'static str>,
    pub key_query: Option<&'static str>,
    pub key_protocol: Option<&'static str>,
    /// The sub-protocol that is agreed on with whoever offers it.
    pub protocol: Option<&'static str>,
    /// What stands before and behind the version, where the address has one.
    versioned: Option<(&'static str, &'static str)>,
    wire: fn(&str, &str) -> Box<dyn ServedWire>,
}

/// All that is asked for below these is asked for by clients of live sessions. The second is what those make of an address
/// that ends with a slash.
pub const FOLDERS: [&str; 2] = ["/ws/", "//ws/"];

/// The call that is served, of those that stand below [`FOLDERS`].
const CALL: &str = "BidiGenerateContent";

impl LiveApi {
    /// The format of one connection: for this model where the address names one, under a name that no other connection has.
    pub fn wire(&self, model: &str, name: &str) -> Box<dyn ServedWire> {
        (self.wire)(model, name)
    }

    /// What is served at a path.
    pub fn at(path: &str) -> Option<&'static Self> {
        APIS.iter().find(|api| api.is_at(path))
    }

    fn is_at(&self, path: &str) -> bool {
        self.version(path).map_or(path == self.path, is_version)
    }

    /// What stands in a path where this address has its version.
    fn version<'a>(&self, path: &'a str) -> Option<&'a str> {
        let (before, behind) = self.versioned?;
        let below = FOLDERS.iter().find_map(|folder| path.strip_prefix(folder))?;
        below.strip_prefix(before)?.strip_suffix(behind)
    }

    /// Why nothing is served at a path below [`FOLDERS`]: short, since those who ask read it in a frame that ends.
    pub fn why_not(path: &str) -> String {
        if let Some(version) = APIS.iter().find_map(|api| api.version(path)) {
            return format!("`{version}` is no version of this API: `v1`, `v1beta` and the like are served");
        }
        let call = path.rsplit(['/', '.']).next().unwrap_or_default();
        if call == format!("{CALL}Constrained") {
            return "keys for a while (`auth_tokens/`) are not taken here: give the server's token as the key".into();
        }
        format!("`{call}` is not served here: live sessions are held by `{CALL}`")
    }
}

/// `v1`, `v1beta`, `v2alpha3`: which of them is asked for makes no difference here.
fn is_version(version: &str) -> bool {
    let number = |text: &str| text.bytes().all(|letter| letter.is_ascii_digit());
    let Some(rest) = version.strip_prefix('v') else { return false };
    let words = rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let behind = words.strip_prefix("alpha").or_else(|| words.strip_prefix("beta"));
    words.len() < rest.len() && behind.map_or(words.is_empty(), number)
}

const OPENAI: LiveApi = LiveApi {
    path: "/v1/realtime",
    names_model: true,
    key_header: Some("api-key"),
    key_query: None,
    key_protocol: Some("openai-insecure-api-key."),
    protocol: Some("realtime"),
    versioned: None,
    wire: |model, name| Box::new(OpenAiServed::new(model, name)),
};

const GEMINI: LiveApi = LiveApi {
    path: "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
    names_model: false,
    key_header: Some("x-goog-api-key"),
    key_query: Some("key"),
    key_protocol: None,
    protocol: None,
    versioned: Some(("google.ai.generativelanguage.", ".GenerativeService.BidiGenerateContent")),
    wire: |_, name| Box::new(GeminiServed::new(name)),
};

/// All of them.
pub const APIS: [LiveApi; 4] = [
    OPENAI,
    // Azure's clients.
    LiveApi { path: "/openai/v1/realtime", ..OPENAI },
    GEMINI,
    LiveApi {
        path: "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent",
        versioned: Some(("google.cloud.aiplatform.", ".LlmBidiService/BidiGenerateContent")),
        wire: |_, name| Box::new(GeminiServed::in_the_cloud(name)),
        ..GEMINI
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_an_address_leads_to_it() {
        for version in ["v1", "v1alpha", "v1beta", "v1beta1", "v2"] {
            for folder in FOLDERS {
                for (service, is_cloud) in [
                    (format!("google.ai.generativelanguage.{version}.GenerativeService.{CALL}"), false),
                    (format!("google.cloud.aiplatform.{version}.LlmBidiService/{CALL}"), true),
                ] {
                    let api = LiveApi::at(&format!("{folder}{service}")).unwrap();
                    assert_eq!(api.path.contains("cloud"), is_cloud, "{service}");
                }
            }
        }
        for api in &APIS {
            assert_eq!(LiveApi::at(api.path).unwrap().path, api.path);
        }
        assert!(LiveApi::at("/v1/realtime/calls").is_none());
    }

    #[test]
    fn what_is_not_served_says_so_in_a_frame() {
        for (path, words) in [
            (
                "google.ai.generativelanguage.latest.GenerativeService.BidiGenerateContent",
                "`latest` is no version",
            ),
            ("google.ai.generativelanguage..GenerativeService.BidiGenerateContent", "`` is no version"),
            (
                "google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContentConstrained",
                "auth_tokens/",
            ),
            (
                "google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateMusic",
                "`BidiGenerateMusic` is not",
            ),
            ("google.cloud.aiplatform.v1.LlmBidiService/Other", "`Other` is not"),
            ("", "`` is not served"),
        ] {
            let path = format!("/ws/{path}");
            assert!(LiveApi::at(&path).is_none(), "{path}");
            let why = LiveApi::why_not(&path);
            assert!(why.contains(words) && why.len() <= 123, "{why}");
        }
    }
}
