// Which page is shown: a conversation, a new one, or one of the others.

export const PAGES = ["plugins", "keys", "routes", "usage", "prompts", "settings"] as const;
export type Page = (typeof PAGES)[number];
export type Route = { page: "chat"; conversation: string | null } | { page: Page };

function parse(path: string): Route {
  const [first, second] = path.split("/").filter(Boolean);
  if (first === "c" && second) return { page: "chat", conversation: decodeURIComponent(second) };
  const page = PAGES.find((name) => name === first);
  return page ? { page } : { page: "chat", conversation: null };
}

class Router {
  now = $state.raw<Route>(parse(location.pathname));

  constructor() {
    addEventListener("popstate", () => (this.now = parse(location.pathname)));
  }

  go(path: string, replace = false): void {
    if (path !== location.pathname) history[replace ? "replaceState" : "pushState"](null, "", path);
    this.now = parse(path);
  }

  /** A click on a link of the page itself; others are the browser's. */
  follow = (event: MouseEvent): void => {
    const link = (event.target as Element).closest?.("a");
    if (!link || link.target || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const url = new URL(link.href);
    if (url.origin !== location.origin || url.pathname.startsWith("/api/") || link.hasAttribute("download")) return;
    event.preventDefault();
    this.go(url.pathname);
  };

  get conversation(): string | null {
    return this.now.page === "chat" ? this.now.conversation : null;
  }
}

export const router = new Router();
export const pathOf = (conversation: string): string => `/c/${encodeURIComponent(conversation)}`;
