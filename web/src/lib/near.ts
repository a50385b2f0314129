// Work for what is far from view: done when it comes near, or one by one while the page is idle.

interface Waiting { element: Element; run: () => void }

const waiting = new Map<Element, Waiting>();
let observer: IntersectionObserver | undefined;
let planned = false;

function take(element: Element): void {
  const one = waiting.get(element);
  if (!one) return;
  waiting.delete(element);
  observer?.unobserve(element);
  one.run();
}

function plan(): void {
  if (planned || waiting.size === 0 || !("requestIdleCallback" in globalThis)) return;
  planned = true;
  requestIdleCallback((deadline) => {
    planned = false;
    // The last of the list stands nearest to the end, where reading starts.
    for (const { element } of [...waiting.values()].reverse()) {
      if (deadline.timeRemaining() < 8) break;
      take(element);
    }
    plan();
  });
}

export function whenNear(element: Element, run: () => void): () => void {
  observer ??= new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) take(entry.target);
  }, { root: element.closest(".view"), rootMargin: "1200px 0px" });
  waiting.set(element, { element, run });
  observer.observe(element);
  plan();
  return () => {
    waiting.delete(element);
    observer?.unobserve(element);
  };
}
