//! The spelling of keys: clients write `fileData` and `file_data`.
use consort_core::Object;

/// Brings an object's own keys to camel case and drops what is null. What is inside its values stays.
pub(super) fn clean(object: &mut Object) {
    object.retain(|_, value| !value.is_null());
    if object.keys().any(|key| is_snake(key)) {
        let old = std::mem::take(object);
        for (key, value) in old {
            let key = if is_snake(&key) { camel(&key) } else { key };
            object.entry(key).or_insert(value);
        }
    }
}

fn is_snake(key: &str) -> bool {
    key.bytes().enumerate().any(|(at, byte)| byte == b'_' && at > 0)
        && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// `file_data` as `fileData`.
pub(super) fn camel(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    let mut upper = false;
    for c in key.chars() {
        if c == '_' && !out.is_empty() {
            upper = true;
        } else if std::mem::take(&mut upper) {
            out.push(c.to_ascii_uppercase());
        } else {
            out.push(c);
        }
    }
    out
}
