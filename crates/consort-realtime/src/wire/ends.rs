//! How sessions and connections fail, in vendors' words and in codes of closed sockets.
use super::step::Then;
use consort_core::{CloseReason, Error, ErrorKind};
use consort_wire::ResponseHead;
use serde_json::{Value, json};

/// The error that a vendor's JSON tells of.
pub(super) fn error(value: &Value) -> Error {
    consort_wire::read_error(&ResponseHead::default(), value.to_string().as_bytes())
}

/// What is to be done when the connection ended by itself.
pub(super) fn then(code: Option<u16>, reason: &str, opened: bool) -> Then {
    let said = (!reason.is_empty()).then(|| error(&json!({"error": {"message": reason}})));
    let how = code.map_or_else(String::new, |code| format!(" (code {code})"));
    if let Some(error) = said.as_ref().filter(|error| is_final(error)) {
        return Then::Close(error.clone().into());
    }
    let why =
        said.map_or_else(|| format!("the connection was cut{how}"), |e| format!("{}{how}", e.message()));
    if !opened {
        let error = Error::new(ErrorKind::Network, format!("the session did not open: {why}"));
        return Then::Close(error.into());
    }
    match code {
        Some(1000) => Then::Close(CloseReason::Ended { message: why }),
        // Going away, cut, and what a server says of its own trouble.
        None | Some(1001 | 1005 | 1006 | 1011..=1014) => Then::Renew { reason: why },
        Some(1008) => Then::Close(Error::new(ErrorKind::Permission, why).into()),
        Some(1002 | 1003 | 1007 | 1009 | 1010 | 4000..) => {
            Then::Close(Error::new(ErrorKind::InvalidRequest, why).into())
        }
        Some(_) => Then::Close(Error::new(ErrorKind::Network, why).into()),
    }
}

/// Whether connecting again would fail in the same way.
fn is_final(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Auth
            | ErrorKind::Permission
            | ErrorKind::Quota
            | ErrorKind::ModelNotFound
            | ErrorKind::ContextLength
            | ErrorKind::ContentFilter
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_closed_socket_means() {
        let close = |code, reason: &str, opened| match then(code, reason, opened) {
            Then::Close(CloseReason::Failed { error }) => Some(error.kind()),
            Then::Close(_) => panic!("ended in order"),
            _ => None,
        };
        for code in [None, Some(1001), Some(1006), Some(1011), Some(1014)] {
            assert_eq!(close(code, "", true), None, "{code:?} is worth another try");
            assert_eq!(close(code, "", false), Some(ErrorKind::Network), "{code:?} before it was open");
        }
        assert_eq!(close(Some(1011), "You exceeded your current quota", true), Some(ErrorKind::Quota));
        assert_eq!(close(Some(1007), "API key not valid", true), Some(ErrorKind::Auth));
        assert_eq!(close(Some(4000), "beta_api_shape_disabled", true), Some(ErrorKind::InvalidRequest));
        let ended = then(Some(1000), "", true);
        assert!(matches!(ended, Then::Close(CloseReason::Ended { .. })), "{ended:?}");
    }
}
