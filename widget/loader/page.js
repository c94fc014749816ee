// What the script's own tag specifies, and what the page's policy allows.
const script = /** @type {HTMLScriptElement & { screen?: Sent } | null} */ (document.currentScript);
// A module has no tag of its own, and an inline script has no URL: use the one in the call stack, or any tag's.
const source = script?.src || /https?:\S+?\/embed\/v1\.js/.exec(String(new Error().stack))?.[0]
  || document.querySelector('script[src*="/embed/v1.js"]')?.getAttribute('src') || '';

/** Base URL of the checkout, without a trailing slash. */
export const base = source.slice(0, source.lastIndexOf('/embed/v1.js'));

/** @type {Sent | undefined} */
let sent = script?.screen;
// It becomes stale like any other first screen.
setTimeout(forget, 5000);

/** The first screen that came with the script, if it has the requested SKU, variant and language. */
export function sentScreen(/** @type {Asked} */ asked) {
  const language = asked.lang.toLowerCase().split(/[-_]/)[0];
  const suits = sent?.sku === asked.sku && sent.variant === asked.variant && (!language || language === sent.lang);
  return suits ? sent?.text : undefined;
}

/** Discards the first screen that came with the script. */
export function forget() {
  sent = undefined;
}

// Pages that require Trusted Types must allow this policy's name. It trusts whatever our own server sends.
/** @type {Trusting} */
let policy = { createHTML: (text) => text, createScriptURL: (text) => text };
try { policy = self.trustedTypes?.createPolicy('redis-checkout', policy) ?? policy; } catch { /* not allowed, but the page may not require it */ }

export const trustedHtml = (/** @type {string} */ text) => policy.createHTML(text);
export const trustedAddress = (/** @type {string} */ address) => policy.createScriptURL(address);
