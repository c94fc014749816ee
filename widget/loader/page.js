// What the script's own tag says, and what the page allows.
const script = /** @type {HTMLScriptElement & { screen?: Sent } | null} */ (document.currentScript);
// A module has no tag of its own, and what was inserted as text no address: then whoever called knows one.
const source = script?.src || /https?:\S+?\/embed\/v1\.js/.exec(String(new Error().stack))?.[0]
  || document.querySelector('script[src*="/embed/v1.js"]')?.getAttribute('src') || '';

/** Where the checkout is, without a trailing slash. */
export const base = source.slice(0, source.lastIndexOf('/embed/v1.js'));

/** @type {Sent | undefined} */
let sent = script?.screen;
// It ages like any other.
setTimeout(forget, 5000);

/** The first screen that came with the script, where its address names this SKU and speaks this language. */
export function sentScreen(/** @type {Asked} */ asked) {
  const language = asked.lang.toLowerCase().split(/[-_]/)[0];
  const suits = sent?.sku === asked.sku && sent.variant === asked.variant && (!language || language === sent.lang);
  return suits ? sent?.text : undefined;
}

/** Never shows it again. */
export function forget() {
  sent = undefined;
}

// Pages that demand Trusted Types must allow this policy's name. It trusts what our own server sends.
/** @type {Trusting} */
let policy = { createHTML: (text) => text, createScriptURL: (text) => text };
try { policy = self.trustedTypes?.createPolicy('redis-checkout', policy) ?? policy; } catch { /* not allowed: the page may not insist */ }

export const trustedHtml = (/** @type {string} */ text) => policy.createHTML(text);
export const trustedAddress = (/** @type {string} */ address) => policy.createScriptURL(address);
