//! The credentials of the role that this container or machine has, from its metadata endpoint.
use super::aws::{Credentials, Given};
use super::refused;
use crate::transport::{Services, fetch};
use consort_core::{Error, ErrorKind};
use reqwest::Url;
use std::time::Duration;

/// A machine outside AWS has no such endpoint and must not wait for it long.
const LIMIT: Duration = Duration::from_secs(1);

pub(super) async fn find(services: &Services) -> Result<Option<Credentials>, Error> {
    match container_address(services)? {
        Some(address) => container(services, address).await.map(Some),
        None => machine(services).await,
    }
}

fn container_address(services: &Services) -> Result<Option<Url>, Error> {
    let env = &services.env;
    if let Some(path) = env.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
        return Ok(Url::parse(&format!("http://169.254.170.2{path}")).ok());
    }
    let Some(full) = env.get("AWS_CONTAINER_CREDENTIALS_FULL_URI") else { return Ok(None) };
    let address = Url::parse(full).ok().filter(is_near);
    address.map(Some).ok_or_else(|| {
        Error::new(
            ErrorKind::Setup,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or a place on this machine",
        )
    })
}

/// Credentials go over plain HTTP only within the machine.
fn is_near(address: &Url) -> bool {
    const NEAR: [&str; 6] =
        ["localhost", "127.0.0.1", "[::1]", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];
    address.scheme() == "https" || address.host_str().is_some_and(|host| NEAR.contains(&host))
}

async fn container(services: &Services, address: Url) -> Result<Credentials, Error> {
    let env = &services.env;
    let token = match env.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
        Some(file) => std::fs::read_to_string(file).ok().map(|token| token.trim().to_owned()),
        None => env.get("AWS_CONTAINER_AUTHORIZATION_TOKEN").map(str::to_owned),
    };
    let proxy = services.http.near_proxy(&address);
    let mut request =
        services.http.near_client(LIMIT, address.scheme() == "https")?.get(address).timeout(LIMIT);
    if let Some(token) = token {
        request = request.header("authorization", token);
    }
    match fetch(request, proxy, "the container's role").await? {
        (200, body) => Given::read(&body, "the container's role"),
        (status, _) => Err(refused("the container's role", status)),
    }
}

/// The role of an EC2 machine; nothing where no such machine answers.
async fn machine(services: &Services) -> Result<Option<Credentials>, Error> {
    let env = &services.env;
    if env.get("AWS_EC2_METADATA_DISABLED").is_some_and(|word| word.eq_ignore_ascii_case("true")) {
        return Ok(None);
    }
    let base = env
        .get("AWS_EC2_METADATA_SERVICE_ENDPOINT")
        .unwrap_or("http://169.254.169.254")
        .trim_end_matches('/');
    let client = services.http.near_client(LIMIT, base.starts_with("https"))?;
    let proxy = Url::parse(base).ok().and_then(|base| services.http.near_proxy(&base));
    let token = client
        .put(format!("{base}/latest/api/token"))
        .header("x-aws-ec2-metadata-token-ttl-seconds", "300")
        .timeout(LIMIT);
    let Ok((200, token)) = fetch(token, proxy.clone(), "the machine's role").await else { return Ok(None) };
    let token = String::from_utf8_lossy(&token).trim().to_owned();
    let get = |path: &str| {
        let address = format!("{base}/latest/meta-data/iam/security-credentials/{path}");
        client.get(address).header("x-aws-ec2-metadata-token", &token).timeout(LIMIT)
    };
    let (status, roles) = fetch(get(""), proxy.clone(), "the machine's role").await?;
    let roles = String::from_utf8_lossy(&roles);
    let Some(role) = roles.lines().next().map(str::trim).filter(|role| status == 200 && !role.is_empty())
    else {
        return Ok(None);
    };
    match fetch(get(role), proxy, "the machine's role").await? {
        (200, body) => Given::read(&body, "the machine's role").map(Some),
        (status, _) => Err(refused("the machine's role", status)),
    }
}
