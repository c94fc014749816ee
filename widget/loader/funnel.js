// Counts how many visitors saw an offer, and nothing about them. Sent when the page is left; nothing waits for it.
import { base } from './page.js';

/** @type {Map<string, { sku: string, variant: string, count: number }>} */
const seen = new Map();

addEventListener('visibilitychange', send);

/** Counts `element` once, when half of it is in view. */
export function countSeen(
  /** @type {Element} */ element, /** @type {AbortSignal} */ signal, /** @type {string} */ sku, /** @type {string} */ variant,
) {
  const eye = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    eye.disconnect();
    const key = `${sku} ${variant}`;
    const known = seen.get(key) ?? { sku, variant, count: 0 };
    known.count += 1;
    seen.set(key, known);
  }, { threshold: 0.5 });
  eye.observe(element);
  signal.addEventListener('abort', () => eye.disconnect());
}

function send() {
  if (!document.hidden || !seen.size) return;
  try { navigator.sendBeacon(`${base}/v1/funnel`, JSON.stringify([...seen.values()])); } catch { /* the count is lost */ }
  seen.clear();
}
