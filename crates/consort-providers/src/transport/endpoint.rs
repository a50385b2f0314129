//! One hosted API, ready to be called: the one function that sends.
use super::body::{Answer, Body};
use super::failure::{self, Target, host_of};
use super::local::addresses_here;
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
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A hosted API and what is needed to call it.
pub(crate) struct Endpoint {
    spec: Arc<ProviderSpec>,
    services: Arc<Services>,
    tokens: auth::Tokens,
    /// Where a local server was found, once one was looked for.
    found: Mutex<Option<SocketAddr>>,
}

/// How a request goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// With the key and all that the file adds, through the proxy that is set.
    Full,
    /// The same, on a connection that is to become a WebSocket. A path that begins with `/` leaves out the base path.
    Upgrade,
    /// With nothing that the user may not have meant to show, past any proxy: no key, and none of the file's
    /// headers and queries, which may hold one.
    Bare,
}

/// A request that got no answer.
pub(super) struct Unanswered {
    error: Error,
    /// The server itself refused the connection, so nothing was sent.
    refused: bool,
}

pub(super) fn error_of(unanswered: Unanswered) -> Error {
    unanswered.error
}

impl From<Error> for Unanswered {
    fn from(error: Error) -> Self {
        Self { error, refused: false }
    }
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
        Self { spec: Arc::new(spec), services, tokens: auth::Tokens::default(), found: Mutex::default() }
    }

    pub(crate) fn spec(&self) -> &Arc<ProviderSpec> {
        &self.spec
    }

    /// The addresses at which this local server may be on any of its usual ports; none where it is no local
    /// server, or was placed somewhere by a variable or by the user's own files.
    pub(super) fn usual_addresses(&self, base: &Url) -> Vec<IpAddr> {
        let ports = self.spec.local.as_ref().map_or(&[][..], |local| &local.ports);
        let by_variable = self.spec.base_url_env.iter().any(|name| self.services.env.get(name).is_some());
        if self.spec.placed || by_variable || !base.port().is_some_and(|port| ports.contains(&port)) {
            return Vec::new();
        }
        addresses_here(base.host_str().unwrap_or_default())
    }

    /// Whether this is a local server at its usual place, which can be asked without asking any other machine.
    pub(crate) fn is_near(&self) -> bool {
        self.base().is_ok_and(|base| base.scheme() == "http" && !self.usual_addresses(&base).is_empty())
    }

    /// The base URL as it is set, whether or not a server was found elsewhere.
    pub(crate) fn base(&self) -> Result<Url, Error> {
        self.base_with("", &|name| self.services.setting(&self.spec, name))
    }

    pub(super) fn found_at(&self, place: SocketAddr) {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
    }

    fn found(&self) -> Option<SocketAddr> {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.answer(response, watch, mask)
    }

    /// Asks a local server that was found, and reads the whole answer: it is shown no key and nothing else that
    /// the file adds, and neither a proxy nor another machine is asked.
    pub(crate) async fn ask_bare(&self, request: WireRequest, context: &Context) -> Result<Bytes, Error> {
        let mut watch = Watch::new(&self.spec.timers, context);
        let exchange = watch.over(self.exchange(request, context, Manner::Bare)).await;
        let (response, mask) =
            exchange.and_then(|answer| answer.map_err(error_of)).map_err(|error| self.complete(error))?;
        self.whole(self.answer(response, watch, mask)?).await
    }

    pub(super) fn answer(
        &self,
        response: reqwest::Response,
        watch: Watch,
        mask: Mask,
    ) -> Result<Answer, Error> {
        if response.status() == 407
            && let Some(proxy) = self.services.http.proxy(response.url())
        {
            return Err(self.complete(proxy.wants_a_password()));
        }
        let head = head_of(&response);
        if (300..400).contains(&head.status) {
            return Err(self.complete(moved(&head)));
        }
        Ok(Answer { head, body: Body::new(response, watch, mask) })
    }

    /// Sends a request and reads the whole answer; an error status is an error.
    pub(crate) async fn ask(&self, request: WireRequest, context: &Context) -> Result<Bytes, Error> {
        self.whole(self.send(request, context).await?).await
    }

    pub(super) async fn whole(&self, answer: Answer) -> Result<Bytes, Error> {
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

    /// Sends to where the server was found last; where nothing listens there, to another of its usual ports.
    async fn exchange_somewhere(
        &self,
        request: WireRequest,
        context: &Context,
    ) -> Result<(reqwest::Response, Mask), Error> {
        let several = self.spec.local.as_ref().filter(|local| local.ports.len() > 1);
        let Some(local) = several else {
            return self.exchange(request, context, Manner::Full).await.map_err(error_of);
        };
        let port = || {
            let found = self.found().map(|place| place.port());
            found.or_else(|| self.base().ok().and_then(|base| base.port()))
        };
        let tried = port();
        match self.exchange(request.clone(), context, Manner::Full).await {
            Ok(answer) => Ok(answer),
            // Whatever else went wrong, the request may have been read, and must not be sent twice.
            Err(Unanswered { error, refused: false }) => Err(error),
            Err(Unanswered { error, refused: true }) => {
                // The same port again would be a retry, and retries are not made here.
                let moved = find_local(self, &local.ports).await.is_ok() && port() != tried;
                if !moved {
                    return Err(error);
                }
                self.exchange(request, context, Manner::Full).await.map_err(error_of)
            }
        }
    }

    pub(super) async fn exchange(
        &self,
        request: WireRequest,
        context: &Context,
        manner: Manner,
    ) -> Result<(reqwest::Response, Mask), Unanswered> {
        let http = &self.services.http;
        let connect = seconds(self.spec.timers.connect);
        let path = request.path_only().to_owned();
        let mut outgoing = self.outgoing(request, context, manner)?;
        let client = match manner {
            Manner::Full => http.client(connect, outgoing.url.scheme() == "https")?,
            Manner::Upgrade => http.upgrade_client(connect, outgoing.url.scheme() == "https")?,
            Manner::Bare => http.near_client(connect, false)?,
        };
        if manner != Manner::Bare {
            auth::apply(&self.spec, &self.services, &self.tokens, context, &mut outgoing).await?;
        }
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
                let proxy = if manner == Manner::Bare { None } else { http.proxy(&place) };
                let target = Target::of(&place, proxy, self.spec.local.is_some());
                let refused = http.is_direct(&place) && failure::is_refused(&error);
                let error = mask.error(failure::of_request(&error.without_url(), &target));
                tracing::debug!(
                    provider = self.spec.id,
                    kind = error.kind().as_str(),
                    took_ms = took,
                    "no answer"
                );
                Err(Unanswered { error, refused })
            }
        }
    }

    /// The request with its address and all headers but those of the key.
    fn outgoing(&self, request: WireRequest, context: &Context, manner: Manner) -> Result<Outgoing, Error> {
        let find = |name: &str| self.services.setting(&self.spec, name);
        let mut url = self.url(&request.path, manner, &find)?;
        let WireRequest { method, mut headers, body, .. } = request;
        if manner == Manner::Bare {
            // A URL may hold a password; one without a host, which cannot be told so, is not sent anyway.
            let _ = url.set_username("");
            let _ = url.set_password(None);
            return Ok(Outgoing { method, url, headers, body, mask: Mask::default() });
        }
        for (name, value) in &self.spec.query {
            let value = self.filled(value, &find)?;
            if !value.is_empty() {
                url.query_pairs_mut().append_pair(name, &value);
            }
        }
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
        Ok(Outgoing { method, url, headers, body, mask: Mask::default() })
    }

    fn filled(&self, text: &str, find: &dyn Fn(&str) -> Option<String>) -> Result<String, Error> {
        spec::fill(text, find).map(std::borrow::Cow::into_owned).map_err(|missing| self.unset(missing))
    }

    fn unset(&self, Missing(names): Missing) -> Error {
        Error::new(ErrorKind::Setup, format!("{} needs {names}", self.spec.name))
            .hint(format!("set {names}, or write `base_url` in [providers.{}]", self.spec.id))
    }

    /// The address of a path below the base URL.
    fn url(&self, path: &str, manner: Manner, find: &dyn Fn(&str) -> Option<String>) -> Result<Url, Error> {
        let mut url = self.base_with(path, find)?;
        if manner == Manner::Upgrade && path.starts_with('/') {
            let base = self.base_with("", find)?;
            let base = base.path().trim_end_matches('/');
            let below = url.path().strip_prefix(base).unwrap_or_default();
            let kept = base.strip_suffix(self.spec.base_path.trim_matches('/')).unwrap_or(base);
            let path = format!("{}{below}", kept.trim_end_matches('/'));
            url.set_path(&path);
        }
        if let Some(place) = self.found()
            && !self.usual_addresses(&url).is_empty()
        {
            // The base URL of a local server has a host, so these cannot fail.
            let _ = url.set_ip_host(place.ip());
            let _ = url.set_port(Some(place.port()));
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
