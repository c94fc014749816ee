// DOM operations that take one line of JavaScript, but a hundred bytes more in WASM.

/** Text nodes, each with the element that contains nothing else. */
export const textsIn = (/** @type {Element} */ root) =>
  [...root.querySelectorAll('*')].map((element) => ({ element, text: element.firstChild }))
    .filter(({ text }) => text?.nodeType === Node.TEXT_NODE);

/** Puts text nodes back: page translators replace them with nodes of their own, and nobody would see our updates. */
export const putBack = (/** @type {ReturnType<typeof textsIn>} */ texts) => {
  for (const { element, text } of texts) if (text && text.parentNode !== element) element.replaceChildren(text);
};

/** Calls `gone` whenever the page removes `child` from `host`, empties it or moves it: a moved frame is empty. */
export const watchChild = (/** @type {Element} */ host, /** @type {Element} */ child, /** @type {() => void} */ gone) => {
  const slot = child.slot;
  const observer = new MutationObserver((records) => {
    const moved = records.some(({ removedNodes }) => [...removedNodes].includes(child));
    const emptied = records.some(({ target, removedNodes }) => target === child && removedNodes.length) && !child.querySelector('iframe');
    if (moved || emptied || child.slot !== slot) gone();
  });
  observer.observe(host, { childList: true });
  observer.observe(child, { childList: true, attributeFilter: ['slot'] });
  return { end: () => observer.disconnect() };
};

/**
 * Listens on the window, ahead of the page's own listeners. Keeps keys that are typed into our fields from triggering
 * the page's shortcuts, and calls `returned` when the learner is back: with true if they were on another page.
 */
export const hearFirst = (/** @type {Element} */ main, /** @type {(left: boolean) => void} */ returned) => {
  const life = new AbortController();
  const hear = (/** @type {Event & { key?: string, persisted?: boolean }} */ event) => {
    const field = /** @type {Element} */ (event.composedPath()[0]);
    if (!event.type.startsWith('key')) {
      const { persisted } = event;
      if (persisted ?? !document.hidden) returned(!!persisted);
    } else if (event.key !== 'Escape' && field.localName === 'input' && main.contains(field)) {
      event.stopImmediatePropagation();
    }
  };
  for (const kind of ['keydown', 'keypress', 'keyup', 'pageshow', 'online', 'visibilitychange']) {
    addEventListener(kind, hear, { capture: true, signal: life.signal });
  }
  return { end: () => life.abort() };
};

/** Makes every field report its value: not every autofill dispatches an event. */
export const askFields = (/** @type {Element} */ main) => {
  for (const field of main.querySelectorAll('input')) field.dispatchEvent(new Event('input', { bubbles: true }));
};

/** The card's styles that Stripe's form adopts: Stripe's name, our element and its CSS property. */
const LOOKS = [
  ['colorPrimary', '.button', 'background-color'],
  ['colorBackground', '.input', 'background-color'],
  ['colorText', '.input', 'color'],
  ['colorTextSecondary', '.hint', 'color'],
  ['colorDanger', '.fault', 'color'],
  ['borderRadius', '.input', 'border-radius'],
  ['fontFamily', '.input', 'font-family'],
];

/** The card's styles as Stripe accepts them: as computed values, because Stripe can't resolve our custom properties. */
export const looksOf = (/** @type {HTMLElement} */ host) => {
  const root = host.shadowRoot;
  const variables = LOOKS.flatMap(([name, selector, property]) => {
    const element = root?.querySelector(selector);
    if (!element) return []; // the card shows something else now
    const value = getComputedStyle(element).getPropertyValue(property);
    return [[name, property.endsWith('color') ? rgb(value) : value]];
  });
  return { theme: 'stripe', variables: Object.fromEntries(variables) };
};

/** A colour in the notation that Stripe reads, whichever one the page uses. */
const rgb = (/** @type {string} */ color) => {
  const pencil = document.createElement('canvas').getContext('2d');
  if (!pencil || color.startsWith('rgb')) return color;
  pencil.fillStyle = color;
  pencil.fillRect(0, 0, 1, 1);
  return `rgb(${pencil.getImageData(0, 0, 1, 1).data.slice(0, 3)})`;
};

/** The language of the card. */
export const langOf = (/** @type {HTMLElement} */ host) =>
  /** @type {HTMLElement | null | undefined} */ (host.shadowRoot?.querySelector('.card'))?.lang || 'auto';

/** Copies the coupon in the page's URL, which may change while the learner stays, to an element without a `coupon`. */
export const takeCoupon = (/** @type {HTMLElement} */ host) => {
  const code = new URLSearchParams(location.search).get('coupon');
  if (code && !host.hasAttribute('coupon')) host.setAttribute('coupon', code);
};

/** 128 random bits in hexadecimal. (`crypto.randomUUID` is missing on pages without HTTPS.) */
export const randomKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => (byte + 256).toString(16).slice(1)).join('');

// What was bought in this browser, as a 32-bit hash: neither the offering nor the email can be read from it. Without
// storage, nothing is remembered.
const bought = (/** @type {string} */ offeringAndEmail) => {
  let hash = 0;
  for (const letter of offeringAndEmail.toLowerCase()) hash = Math.imul(hash, 31) + letter.charCodeAt(0) | 0;
  return `redis-checkout-bought${hash}`;
};

export const rememberPurchase = (/** @type {string} */ offeringAndEmail) => {
  try { localStorage[bought(offeringAndEmail)] = 1; } catch { /* no storage here */ }
};

export const wasBought = (/** @type {string} */ offeringAndEmail) => {
  try { return !!localStorage[bought(offeringAndEmail)]; } catch { return false; }
};

/** Resolves after `millis` milliseconds. */
export const sleep = (/** @type {number} */ millis) => new Promise((resolve) => setTimeout(resolve, millis));

/** Whether a script has defined this global: Stripe's is a function, a challenge's has one. Elements don't count. */
export const isThere = (/** @type {string} */ name) => {
  const global = Reflect.get(self, name);
  return typeof global === 'function' || typeof global?.render === 'function';
};

/**
 * Always adds a new script: an old one in the page may already have failed, and would fire no more events. `trusted`
 * turns a URL into a value that Trusted Types accept.
 */
export const loadScript = (
  /** @type {string} */ address, /** @type {(address: string) => string} */ trusted, /** @type {number} */ timeout,
) => new Promise((resolve, reject) => {
  const script = document.createElement('script');
  script.addEventListener('load', resolve);
  script.addEventListener('error', reject);
  script.src = trusted(address);
  document.head.append(script);
  setTimeout(reject, timeout);
});

/** Moves the focus, unless the learner is busy elsewhere on the page. */
export const focusOn = (/** @type {HTMLElement} */ host, /** @type {string} */ name) => {
  const active = document.activeElement;
  if (active && active !== document.body && !host.contains(active)) return;
  /** @type {HTMLElement | null | undefined} */ (host.shadowRoot?.querySelector(`[data-focus=${name}]`))?.focus();
  // The whole form comes into view, not just its first field; on a phone, as much as fits.
  // (A dialog stands over the page, which stays where it is.)
  if (name === 'email' && !host.shadowRoot?.querySelector('[data-open]')) {
    host.scrollIntoView({ block: innerWidth > 480 ? 'nearest' : 'start' });
  }
};

/** @type {WeakMap<HTMLElement, ElementInternals>} */
const internals = new WeakMap();
const KEPT = 'redis-checkout:';

/**
 * Shows the page how far the checkout is: `:state(form)` while its form is open, and in the tab's storage, across
 * reloads, the id of the purchase of `sku`; an empty one is forgotten.
 */
export const showProgress = (
  /** @type {HTMLElement} */ host, /** @type {boolean} */ form, /** @type {string} */ sku, /** @type {string} */ id,
) => {
  try {
    if (!internals.has(host)) internals.set(host, host.attachInternals());
    internals.get(host)?.states[form ? 'add' : 'delete']('form');
  } catch { /* an old browser, or another build of ours has the element's states */ }
  try { id ? sessionStorage[KEPT + sku] = id : delete sessionStorage[KEPT + sku]; } catch { /* no storage here */ }
};

/** @returns {string | undefined} */
export const keptPurchase = (/** @type {string} */ sku) => {
  try { return sessionStorage[KEPT + sku]; } catch { return undefined; }
};

/** Dispatches an event to the page. */
export const tell = (/** @type {HTMLElement} */ host, /** @type {string} */ name, /** @type {unknown} */ detail) => {
  host.dispatchEvent(new CustomEvent(`redis-checkout:${name}`, { bubbles: true, composed: true, detail }));
};
