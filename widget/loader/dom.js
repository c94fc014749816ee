// What the checkout does to the page by a line of JavaScript, where the same in WASM would take a hundred bytes more.

/** Texts and the elements that each is alone in. */
export const textsIn = (/** @type {Element} */ root) =>
  [...root.querySelectorAll('*')].map((element) => ({ element, text: element.firstChild }))
    .filter(({ text }) => text?.nodeType === Node.TEXT_NODE);

/** What translates pages puts nodes of its own in a text's place, and what is written into the text then is seen by nobody. */
export const putBack = (/** @type {ReturnType<typeof textsIn>} */ texts) => {
  for (const { element, text } of texts) if (text && text.parentNode !== element) element.replaceChildren(text);
};

/** Calls `gone` whenever the page has taken `child` out of `host`, or what is in it, or has put it elsewhere: a frame that was moved is empty. */
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
 * At the window, before anything of the page hears it: keys that are typed into our fields, which are no hot keys of the
 * page's, and that the learner is back, with true where they were on another page.
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

/** Has every field tell what is in it: not all that fills fields in says so. */
export const askFields = (/** @type {Element} */ main) => {
  for (const field of main.querySelectorAll('input')) field.dispatchEvent(new Event('input', { bubbles: true }));
};

/** What of the card's looks Stripe's form takes over: the name there, whose it is, and which. */
const LOOKS = [
  ['colorPrimary', '.button', 'background-color'],
  ['colorBackground', '.input', 'background-color'],
  ['colorText', '.input', 'color'],
  ['colorTextSecondary', '.hint', 'color'],
  ['colorDanger', '.fault', 'color'],
  ['borderRadius', '.input', 'border-radius'],
  ['fontFamily', '.input', 'font-family'],
];

/** The card's looks and language as Stripe takes them: it resolves no variables of ours. */
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

/** A colour as Stripe reads it, however the page has written it. */
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

/** Gives an element that has no `coupon` the one of the page's address, which may change while the learner stays. */
export const takeCoupon = (/** @type {HTMLElement} */ host) => {
  const code = new URLSearchParams(location.search).get('coupon');
  if (code && !host.hasAttribute('coupon')) host.setAttribute('coupon', code);
};

/** 128 random bits in hexadecimal. (`crypto.randomUUID` is missing on pages without HTTPS.) */
export const randomKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => (byte + 256).toString(16).slice(1)).join('');

// What this browser has bought: by offering, and by nobody's name. Without storage nothing is remembered.
const BOUGHT = 'redis-checkout-bought-';

export const rememberPurchase = (/** @type {string} */ sku) => {
  try { localStorage[BOUGHT + sku] = 1; } catch { /* no storage here */ }
};

export const wasBought = (/** @type {string} */ sku) => {
  try { return !!localStorage[BOUGHT + sku]; } catch { return false; }
};

/** Resolves after so many milliseconds. */
export const sleep = (/** @type {number} */ millis) => new Promise((resolve) => setTimeout(resolve, millis));

/** Whether a script has made this global: Stripe's is a function, a challenge's has one. Elements of this name are neither. */
export const isThere = (/** @type {string} */ name) => {
  const global = Reflect.get(self, name);
  return typeof global === 'function' || typeof global?.render === 'function';
};

/**
 * A new script: an old one that is still in the page may have failed before, and then says nothing any more. `trusted` makes
 * an address into what a page under Trusted Types lets a script load.
 */
export const loadScript = (
  /** @type {string} */ address, /** @type {(address: string) => string} */ trusted, /** @type {number} */ patience,
) => new Promise((resolve, reject) => {
  const script = document.createElement('script');
  script.addEventListener('load', resolve);
  script.addEventListener('error', reject);
  script.src = trusted(address);
  document.head.append(script);
  setTimeout(reject, patience);
});

/** Moves the focus, unless the learner is busy elsewhere on the page. */
export const focusOn = (/** @type {HTMLElement} */ host, /** @type {string} */ name) => {
  const active = document.activeElement;
  if (active && active !== document.body && !host.contains(active)) return;
  /** @type {HTMLElement | null | undefined} */ (host.shadowRoot?.querySelector(`[data-focus=${name}]`))?.focus();
};

/** Tells the page. */
export const tell = (/** @type {HTMLElement} */ host, /** @type {string} */ name, /** @type {unknown} */ detail) => {
  host.dispatchEvent(new CustomEvent(`redis-checkout:${name}`, { bubbles: true, composed: true, detail }));
};
