//! The providers that come with the program: `providers/*.toml`, embedded by build.rs.
use crate::spec::ProviderSpec;

/// The id and the description, as JSON, of each; ordered by id.
pub(super) static ALL: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/providers.rs"));

/// A built-in provider.
pub(crate) fn builtin(id: &str) -> Option<ProviderSpec> {
    let (_, text) = ALL.iter().find(|(known, _)| *known == id)?;
    let mut spec: ProviderSpec = serde_json::from_str(text).ok()?;
    id.clone_into(&mut spec.id);
    Some(spec)
}

#[cfg(test)]
mod tests {
    use super::*;
    use consort_wire::Quirks;

    #[test]
    fn places_follow_the_environment() {
        use crate::transport::Services;
        use consort_settings::{Env, Folders};
        let check = |id: &str, variables: &[(&str, &str)], wanted: &str| {
            let env = Env::of(variables.iter().copied());
            let services = Services::new(&Folders::find(&env), &env);
            let spec = builtin(id).unwrap();
            let place = crate::spec::base_url(&spec, &|name| services.setting(&spec, name));
            assert_eq!(place.as_deref(), Ok(wanted), "{id}");
        };
        check("bedrock", &[], "https://bedrock-runtime.us-east-1.amazonaws.com");
        check(
            "bedrock",
            &[("AWS_DEFAULT_REGION", "eu-west-1")],
            "https://bedrock-runtime.eu-west-1.amazonaws.com",
        );
        let project = ("GOOGLE_CLOUD_PROJECT", "p");
        let path = "projects/p/locations";
        check(
            "vertex",
            &[project],
            &format!("https://aiplatform.googleapis.com/v1/{path}/global/publishers/google"),
        );
        check(
            "vertex-anthropic",
            &[project, ("CLOUD_ML_REGION", "us-east5")],
            &format!("https://us-east5-aiplatform.googleapis.com/v1/{path}/us-east5/publishers/anthropic"),
        );
        check("azure-openai", &[("AZURE_OPENAI_RESOURCE", "r")], "https://r.openai.azure.com/openai/v1");
        check(
            "azure-openai",
            &[("AZURE_OPENAI_ENDPOINT", "https://x.example/")],
            "https://x.example/openai/v1",
        );
        check("ollama", &[("OLLAMA_HOST", "box")], "http://box:11434");
    }

    #[test]
    fn every_file_is_valid() {
        assert!(ALL.len() >= 27, "{}", ALL.len());
        for (id, text) in ALL {
            let spec: ProviderSpec<Quirks> =
                serde_json::from_str(text).unwrap_or_else(|error| panic!("{id}: {error}"));
            let wires =
                spec.models.iter().filter_map(|model| model.wire.as_deref()).chain([spec.wire.as_str()]);
            for wire in wires {
                assert!(consort_wire::wire(wire).is_some(), "{id}: wire {wire}");
            }
            if let Some(wire) = &spec.embed_wire {
                assert!(consort_wire::embed_wire(wire).is_some(), "{id}: embed_wire {wire}");
            }
            if let Some(wire) = &spec.live_wire {
                assert!(crate::LIVE_WIRES.contains(&wire.as_str()), "{id}: live_wire {wire}");
            }
            assert!(!spec.name.is_empty() && spec.base_url.contains("://"), "{id}");
            assert!(spec.models.iter().all(|model| !model.name.is_empty()), "{id}");
        }
    }

    #[test]
    fn no_two_local_servers_share_a_port() {
        let mut owners = std::collections::BTreeMap::new();
        for (id, _) in ALL {
            let spec = builtin(id).unwrap();
            let Some(local) = &spec.local else { continue };
            // One that lists no models is looked for nowhere.
            let Some(first) = local.ports.first() else { continue };
            let first = format!("127.0.0.1:{first}");
            assert!(spec.base_url.contains(&first), "{id}: {}", spec.base_url);
            for port in &local.ports {
                // Else the models of the one server would be listed under both.
                assert_eq!(owners.insert(*port, *id), None, "{id}: {port}");
            }
        }
        assert!(owners.len() >= 6);
    }
}
