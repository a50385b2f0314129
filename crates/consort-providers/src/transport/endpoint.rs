//! One hosted API, ready to be called: the one function that sends.
use super::body::{Answer, Body};
use super::failure::{self, Target, host_of};
use super::watch::Watch;
use super::{Mask, Services, find_local, hints};
use crate::auth;
use crate::spec::{self, Missing, ProviderSpec, seconds};
use bytes::Bytes;
use consort_core::{ConfigKey, Context, Error, ErrorKind};
use consort_wire::{ResponseHead, WireRequest};
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A hosted API and what is needed to call it.
pub(crate) struct Endpoint {
    spec: Arc<ProviderSpec>,
    services: Arc<Services>,
    tokens: auth::Tokens,
    /// The port on which a local server was found; 0 when none was looked for.
    port: AtomicU16,
}

/// A request on its way to the network.
pub(crate) struct Outgoing {
    pub(crate) method: &'static str,
    pub(crate) url: Url,
    /// Lower-case names.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    pub(crate) mask: Mask,
}

impl Endpoint {
    pub(crate) fn new(spec: ProviderSpec, services: Arc<Services>) -> Self {
        Self { spec: Arc::new(spec), services, tokens: auth::Tokens::default(), port: AtomicU16::new(0) }
    }

    pub(crate) fn spec(&self) -> &Arc<ProviderSpec> {
        &self.spec
    }

    /// Whether this is a local server that nobody placed elsewhere: it may be on any of its usual ports.
    pub(crate) fn is_at_its_usual_place(&self, base: &Url) -> bool {
        let ports = self.spec.local.as_ref().map_or(&[][..], |local| &local.ports);
        let by_variable = self.spec.base_url_env.iter().any(|name| self.services.env.get(name).is_some());
        let here = matches!(base.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        !by_variable && here && base.port().is_some_and(|port| ports.contains(&port))
    }

    /// The base URL as it is set, whether or not a server was found elsewhere.
    pub(crate) fn base(&self) -> Result<Url, Error> {
        self.base_with("", &|name| self.services.setting(&self.spec, name))
    }

    pub(crate) fn set_port(&self, port: u16) {
        self.port.store(port, Ordering::Relaxed);
    }

    /// Sends a request: the only way to a vendor, for the uniform call and for the vendor's own. The answer
    /// may have any status; its timers and the context's cancellation go with its body.
    pub(crate) async fn send(&self, request: WireRequest, context: &Context) -> Result<Answer, Error> {
        if context.cancel.is_cancelled() {
            return Err(Error::cancelled().provider(&self.spec.id));
        }
        let mut watch = Watch::new(&self.spec.timers, context);
        let exchange = watch.over(self.exchange_somewhere(request, context)).await;
        let (response, mask) = exchange.and_then(|answer| answer).map_err(|error| self.complete(error))?;
        let head = head_of(&response);
        if head.status == 407
            && let Some(proxy) = self.services.http.proxy(response.url())
        {
            return Err(self.complete(proxy.wants_a_password()));
        }
        if (300..400).contains(&head.status) {
            return Err(self.complete(moved(&head)));
        }
        Ok(Answer { head, body: Body::new(response, watch, mask) })
    }

    /// Sends a request and reads the whole answer; an error status is an error.
    pub(crate) async fn ask(&self, request: WireRequest, context: &Context) -> Result<Bytes, Error> {
        let answer = self.send(request, context).await?;
        let mask = answer.body.mask.clone();
        let (head, body) = answer.whole().await.map_err(|error| self.complete(error))?;
        if head.status >= 400 {
            return Err(self.complete(mask.error(consort_wire::read_error(&head, &body))));
        }
        Ok(body)
    }

    /// Names the provider on an error and says what to do.
    pub(crate) fn complete(&self, error: Error) -> Error {
        hints::complete(error, &self.spec)
    }

    /// The error of a key that is needed and was not found.
    pub(crate) fn no_key(spec: &ProviderSpec, key: &ConfigKey) -> Error {
        hints::no_key(spec, key)
    }

    /// Sends to where the server was found last; where nothing answers there, to another of its usual ports.
    async fn exchange_somewhere(
        &self,
        request: WireRequest,
        context: &Context,
    ) -> Result<(reqwest::Response, Mask), Error> {
        let Some(local) = self.spec.local.as_ref().filter(|local| local.ports.len() > 1) else {
            return self.exchange(request, context).await;
        };
        let port = || match self.port.load(Ordering::Relaxed) {
            0 => self.base().ok().and_then(|base| base.port()),
            found => Some(found),
        };
        let tried = port();
        match self.exchange(request.clone(), context).await {
            Err(error) if error.kind() == ErrorKind::Network => {
                // The same port again would be a retry, and retries are not made here.
                let moved = find_local(self, &local.ports).await.is_ok() && port() != tried;
                if moved { self.exchange(request, context).await } else { Err(error) }
            }
            answer => answer,
        }
    }

    async fn exchange(
        &self,
        request: WireRequest,
        context: &Context,
    ) -> Result<(reqwest::Response, Mask), Error> {
        let secure_client =
            |url: &Url| self.services.http.client(seconds(self.spec.timers.connect), url.scheme() == "https");
        let path = request.path_only().to_owned();
        let mut outgoing = self.outgoing(request, context)?;
        let client = secure_client(&outgoing.url)?;
        auth::apply(&self.spec, &self.services, &self.tokens, context, &mut outgoing).await?;
        let Outgoing { method, url, headers, body, mask } = outgoing;
        let place = url.clone();
        let host = host_of(&place);
        let started = Instant::now();
        tracing::debug!(provider = self.spec.id, method, host, path, bytes = body.len(), "request");
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap_or(reqwest::Method::POST);
        let sending = client.request(method, url).headers(header_map(&headers)?).body(body).send();
        let answer = sending.await;
        let took = started.elapsed().as_millis() as u64;
        match answer {
            Ok(response) => {
                let status = response.status().as_u16();
                tracing::debug!(provider = self.spec.id, status, took_ms = took, "answer");
                Ok((response, mask))
            }
            Err(error) => {
                let target = Target::of(&place, &self.services.http, self.spec.local.is_some());
                let error = mask.error(failure::of_request(&error.without_url(), &target));
                tracing::debug!(
                    provider = self.spec.id,
                    kind = error.kind().as_str(),
                    took_ms = took,
                    "no answer"
                );
                Err(error)
            }
        }
    }

    /// The request with its address and all headers but those of the key.
    fn outgoing(&self, request: WireRequest, context: &Context) -> Result<Outgoing, Error> {
        let find = |name: &str| self.services.setting(&self.spec, name);
        let mut url = self.url(&request.path, &find)?;
        for (name, value) in &self.spec.query {
            let value = self.filled(value, &find)?;
            if !value.is_empty() {
                url.query_pairs_mut().append_pair(name, &value);
            }
        }
        let mut headers = request.headers;
        for (name, value) in &self.spec.headers {
            let value = self.filled(value, &find)?;
            let name = name.to_ascii_lowercase();
            headers.retain(|(old, _)| *old != name);
            if !value.is_empty() {
                headers.push((name, value));
            }
        }
        if let Some(trace) = &context.trace {
            headers.push(("traceparent".into(), trace.traceparent.clone()));
        }
        Ok(Outgoing { method: request.method, url, headers, body: request.body, mask: Mask::default() })
    }

    fn filled(&self, text: &str, find: &dyn Fn(&str) -> Option<String>) -> Result<String, Error> {
        spec::fill(text, find).map(std::borrow::Cow::into_owned).map_err(|missing| self.unset(missing))
    }

    fn unset(&self, Missing(names): Missing) -> Error {
        Error::new(ErrorKind::Setup, format!("{} needs {names}", self.spec.name))
            .hint(format!("set {names}, or write `base_url` in [providers.{}]", self.spec.id))
    }

    /// The address of a path below the base URL.
    fn url(&self, path: &str, find: &dyn Fn(&str) -> Option<String>) -> Result<Url, Error> {
        let mut url = self.base_with(path, find)?;
        let port = self.port.load(Ordering::Relaxed);
        if port != 0 && self.is_at_its_usual_place(&url) {
            // The base URL of a local server has a host, so this cannot fail.
            let _ = url.set_port(Some(port));
        }
        Ok(url)
    }

    fn base_with(&self, path: &str, find: &dyn Fn(&str) -> Option<String>) -> Result<Url, Error> {
        let base = spec::base_url(&self.spec, find).map_err(|missing| self.unset(missing))?;
        let whole =
            if path.is_empty() { base.clone() } else { format!("{base}/{}", path.trim_start_matches('/')) };
        Url::parse(&whole).ok().filter(|url| url.host().is_some()).ok_or_else(|| {
            Error::new(ErrorKind::Setup, format!("`{base}` is not a URL"))
                .hint(format!("mend the base URL of {}", self.spec.name))
        })
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Endpoint").field(&self.spec.id).finish()
    }
}

fn header_map(headers: &[(String, String)]) -> Result<HeaderMap, Error> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let (Ok(name), Ok(mut value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value))
        else {
            return Err(Error::new(
                ErrorKind::Setup,
                format!("the header `{name}` has a value that cannot be sent"),
            )
            .hint("check the key and the headers of this provider for spaces, line ends and quotes"));
        };
        // All of them, since any may be made of a key.
        value.set_sensitive(true);
        map.insert(name, value);
    }
    Ok(map)
}

fn head_of(response: &reqwest::Response) -> ResponseHead {
    let headers = response.headers().iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let mut head = ResponseHead::new(response.status().as_u16(), headers);
    head.received = SystemTime::now().duration_since(UNIX_EPOCH).ok().map(|time| time.as_secs());
    head
}

fn moved(head: &ResponseHead) -> Error {
    // The new place may hold a key in its query.
    let to = head.header("location").map(|place| place.split('?').next().unwrap_or_default());
    let message = match to {
        Some(place) => format!("the server sends us on to {place}, and a key is not carried along"),
        None => format!("the server answered with a redirection to nowhere (HTTP {})", head.status),
    };
    Error::new(ErrorKind::InvalidRequest, message)
        .status(head.status)
        .hint("set the base URL to the new place")
}
