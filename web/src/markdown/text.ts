// Character references, and which addresses a link may have.

const known = new Map<string, string>();

function decoded(reference: string): string {
  let text = known.get(reference);
  if (text === undefined) {
    // The pattern below lets nothing through that could be a tag.
    text = new DOMParser().parseFromString(reference, "text/html").body.textContent ?? reference;
    known.set(reference, text);
  }
  return text;
}

/** `&amp;`, `&#38;`, `&#x26;` as what they stand for. */
export function decode(text: string): string {
  return text.includes("&") ? text.replace(/&(?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|[a-zA-Z][a-zA-Z\d]{1,31});/g, decoded) : text;
}

const ALLOWED = new Set(["http:", "https:", "mailto:"]);

/** The address, if it is one that may be followed. */
export function safeAddress(href: string): URL | null {
  const url = URL.parse ? URL.parse(href) : tryUrl(href);
  return url !== null && ALLOWED.has(url.protocol) ? url : null;
}

function tryUrl(href: string): URL | null {
  try {
    return new URL(href);
  } catch {
    return null;
  }
}
