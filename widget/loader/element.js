// The custom element: shows the server's first screen at once, and hydrates it when it is needed.
import { builds, load, read } from './assets.js';
import { countSeen } from './funnel.js';
import { base, forget, sentScreen, trustedAddress, trustedHtml } from './page.js';
import { speech } from './speech.js';
import { pick } from './variant.js';

export const NAME = 'redis-checkout';

/** The error when assets time out. */
const LATE = new Error('nothing came');

const styles = STYLES;

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @returns {HTMLElementTagNameMap[T]}
 */
const make = (tag, name = '', text = '') => {
  const made = document.createElement(tag);
  return Object.assign(made, { className: name, textContent: text });
};

/** Attributes and the properties that reflect them. Every element has `lang`. */
const PROPERTIES = { sku: 'sku', variant: 'variant', theme: 'theme', coupon: 'coupon', email: 'email', 'learner-token': 'learnerToken' };

export class RedisCheckout extends HTMLElement {
  static observedAttributes = ['lang', ...Object.keys(PROPERTIES)];

  /** Our styles, then the variant's. @type {CSSStyleSheet[]} */
  #sheets = [];
  #styles = styles;
  #root = this.attachShadow({ mode: 'open' });
  /** Aborted when the current screen is removed. @type {AbortController | undefined} */
  #life;
  /** @type {Handle | undefined} */
  #handle;
  /** The screen that was requested last. @type {Asked} */
  #asked = { sku: '', lang: '', variant: '' };
  /** The data of the first screen, as text and parsed. */
  #screen = '';
  /** @type {Told | undefined} */
  #told;
  #starting = false;
  #changed = false;
  /** The button that was pressed before the checkout could act on it. @type {HTMLElement | undefined} */
  #wanted;

  connectedCallback() {
    // Properties that were set before the element was defined.
    for (const property of Object.values(PROPERTIES).filter((name) => Object.hasOwn(this, name))) {
      const value = Reflect.get(this, property);
      Reflect.deleteProperty(this, property);
      Reflect.set(this, property, value);
    }
    // Only stylesheets of the element's own document apply, which may not be the document that created it.
    const view = /** @type {typeof globalThis | null} */ (this.ownerDocument.defaultView);
    if (!view) return; // not shown in any window
    const { CSSStyleSheet } = view;
    if (!this.#root.adoptedStyleSheets.length || !(this.#sheets[0] instanceof CSSStyleSheet)) {
      this.#root.adoptedStyleSheets = this.#sheets = [new CSSStyleSheet(), new CSSStyleSheet()];
      this.#sheets[0].replaceSync(this.#styles);
      this.#sheets[1].replaceSync(this.#told?.sheet ?? '');
    }
    if (!this.#life) this.#start(); // if it only moved within the document, everything stays
  }

  disconnectedCallback() {
    queueMicrotask(() => { if (!this.isConnected) this.#end(); });
  }

  attributeChangedCallback(/** @type {string} */ _, /** @type {string} */ before, /** @type {string} */ now) {
    if (!this.#life || before === now || this.#changed) return;
    this.#changed = true;
    queueMicrotask(() => {
      this.#changed = false;
      if (!this.#life) return;
      const { sku, lang, variant } = this.#ask(), known = this.#asked;
      if (sku === known.sku && lang === known.lang && variant === known.variant) return this.#handle?.update();
      if (sku === known.sku && this.#handle) return this.#change(this.#life.signal);
      this.#end();
      this.#start();
    });
  }

  #end() {
    this.#life?.abort();
    this.#life = this.#wanted = undefined;
    this.#starting = false;
    try { this.#handle?.free(); } catch { /* it has trapped before */ }
    this.#handle = this.#told = undefined;
    this.#root.replaceChildren();
  }

  /** What the attributes of the element, and of the page around it, ask for. */
  #ask() {
    const lang = /** @type {HTMLElement | null} */ (this.closest('[lang]'))?.lang || document.documentElement.lang;
    return { sku: this.getAttribute('sku') ?? '', lang, variant: pick(this.getAttribute('variant')) };
  }

  async #start() {
    const root = this.#root, { signal } = this.#life = new AbortController();
    this.#asked = this.#ask();
    if (!this.#asked.sku) return; // it may be set later
    const room = make('div', 'main');
    room.style.minBlockSize = HEIGHTS[this.#asked.variant] ?? '';
    root.replaceChildren(room);
    const problem = await this.#show(signal);
    if (signal.aborted) return;
    if (problem) return this.#fail(problem);
    root.addEventListener('click', (event) => {
      const pressed = /** @type {Element} */ (event.target);
      const button = /** @type {HTMLElement | null} */ (pressed.closest('[data-press]'));
      if (this.#handle || !button || !root.contains(pressed)) return;
      this.#wanted = button;
      button.setAttribute('aria-busy', 'true');
      this.#wake(signal);
    }, { signal });
    const wake = () => this.#wake(signal);
    for (const type of ['pointerover', 'touchstart', 'focusin']) {
      root.addEventListener(type, wake, { signal, once: true, passive: true });
    }
    const near = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      near.disconnect();
      (self.requestIdleCallback ?? ((call) => setTimeout(call, 200)))(wake, { timeout: 3000 });
    }, { rootMargin: '50%' });
    near.observe(this);
    signal.addEventListener('abort', () => near.disconnect());
    countSeen(this, signal, this.#asked.sku, this.#told?.variant ?? '');
  }

  /**
   * The server's current first screen, or a code for what went wrong.
   * @param {AbortSignal} signal
   * @returns {Promise<{ text: string, problem?: undefined } | { text?: undefined, problem: string }>}
   */
  async #fetch(signal) {
    const { sku, lang, variant } = this.#asked, sent = sentScreen(this.#asked);
    if (sent) return { text: sent };
    try {
      const late = AbortSignal.timeout(15000);
      const either = AbortSignal.any?.([signal, late]) ?? signal;
      const address = `${base}/embed/card/${encodeURIComponent(sku)}?${new URLSearchParams({ lang, variant })}`;
      const answer = await fetch(address, { signal: either, credentials: 'omit' });
      const text = await answer.text();
      return answer.ok ? { text } : { problem: answer.status === 404 ? 'unknown_sku' : 'unavailable' };
    } catch { return { problem: 'offline' }; }
  }

  /** Shows the first screen. Resolves to a code for what went wrong, if anything did. */
  async #show(/** @type {AbortSignal} */ signal) {
    const { text, problem } = await this.#fetch(signal);
    if (signal.aborted || problem) return problem;
    // innerHTML takes a trusted value, in case the page requires one.
    this.#root.innerHTML = trustedHtml(text ?? '');
    this.#screen = this.#root.querySelector('script')?.textContent ?? '';
    try { this.#dress(JSON.parse(this.#screen)); } catch { return 'unavailable'; } // a proxy has answered
  }

  #dress(/** @type {Told} */ told) {
    const { variant } = this.#asked;
    this.#told = told;
    this.#sheets[1].replaceSync(told.sheet);
    if (!variant || told.variant === variant) return;
    console.warn(`<${NAME}>: there is no variant "${variant}", so the default one is shown`);
    this.#tell('unknown_variant');
  }

  /** Switches language or variant while the checkout is under way: only its texts and styles change. */
  async #change(/** @type {AbortSignal} */ signal) {
    const asked = this.#asked = this.#ask();
    this.#handle?.update();
    const { text } = await this.#fetch(signal);
    const screen = text?.match(/^<script[^>]*>(.*?)<\/script>/s)?.[1] ?? '{}';
    /** @type {Told} */
    const told = JSON.parse(screen);
    // Only the build that texts belong to knows their order.
    const texts = told.glue === this.#told?.glue && await read(told.words).catch(() => undefined);
    if (signal.aborted || asked !== this.#asked) return; // a later change takes over
    if (texts) {
      this.#dress(told);
      this.#handle?.speak(screen, texts, speech(told.lang));
    } else {
      this.#asked = { ...asked, lang: '?' }; // the next change of any attribute tries again
    }
  }

  async #wake(/** @type {AbortSignal} */ signal) {
    // A call scheduled before the element was removed, or changed its offering, must not start the next checkout.
    if (signal.aborted || this.#starting) return;
    this.#starting = true;
    try {
      try {
        await this.#takeOver(signal);
      } catch (reason) {
        if (signal.aborted || reason === LATE) throw reason;
        // The server no longer has this build, or something on the page changed the rendered HTML: start over, once.
        const focused = /** @type {HTMLElement | null} */ (this.#root.activeElement)?.dataset.focus;
        forget();
        if (await this.#show(signal)) throw new Error('nothing to take over');
        if (focused) this.#find(`[data-focus=${focused}]`)?.focus();
        await this.#takeOver(signal);
      }
    } catch {
      if (!signal.aborted) this.#refuse();
      return;
    }
    if (!this.#handle) return;
    this.#find('.fallback')?.remove();
    if (!this.#wanted) return;
    const button = this.#wanted.isConnected ? this.#wanted : this.#find('[data-press]');
    this.#wanted = undefined;
    button?.click();
  }

  async #takeOver(/** @type {AbortSignal} */ signal) {
    const told = this.#told, main = this.#find('.main');
    if (!told || !main) return;
    const late = new Promise((_, refuse) => setTimeout(refuse, 20000, LATE));
    const [glue, words] = await Promise.race([Promise.all([load(told.glue, told.wasm), read(told.words)]), late]);
    if (signal.aborted) return;
    // An earlier build may keep a checkout whose money is moving: never ask its learner to pay again.
    for (const build of builds) {
      const id = build !== glue && build.kept(this.#asked.sku);
      if (id) return main.replaceChildren(this.#link(told.fallback, told.open_page, `/p/${id}`));
    }
    this.#sheets[0]?.replaceSync(this.#styles = styles + glue.styles);
    this.#handle = glue.hydrate(this, main, this.#screen, words, speech(told.lang), trustedAddress);
  }

  /** WASM did not load or start: the first screen stays, with the page's own link below. Another press tries again. */
  #refuse() {
    this.#starting = false;
    this.#wanted?.setAttribute('aria-busy', 'false');
    this.#wanted = undefined;
    if (!this.#find('.fallback')) this.#root.append(this.#link(this.#told?.fallback, this.#told?.open_page));
    this.#tell('wasm_unavailable');
  }

  #fail(/** @type {string} */ code) {
    const main = make('div', 'main failed'), unknown = code === 'unknown_sku';
    const say = make('p', 'say', unknown ? 'This is not on sale.' : 'The checkout could not be loaded.');
    const again = make('button', 'button', 'Try again');
    Object.assign(main, { lang: 'en', dir: 'ltr' });
    say.setAttribute('role', 'alert');
    again.type = 'button';
    again.addEventListener('click', async () => {
      this.#end();
      await this.#start();
      if (!document.activeElement || document.activeElement === document.body) this.#find('button')?.focus();
    });
    main.append(say, again, this.#link());
    this.#root.replaceChildren(main);
    this.#tell(code);
  }

  /** The page's own link, or ours if it has none. */
  #link(text = '', label = 'Open our checkout page', path = '') {
    const link = make('div', 'fallback'), slot = make(path ? 'div' : 'slot'), anchor = make('a', '', label);
    anchor.href = base + (path || `/buy/${encodeURIComponent(this.#asked.sku)}`);
    slot.append(anchor);
    link.dir = 'auto';
    if (text) link.append(Object.assign(make('p', 'say', text), { role: 'alert' }));
    link.append(slot);
    return link;
  }

  #find(/** @type {string} */ selector) {
    return /** @type {HTMLElement | null} */ (this.#root.querySelector(selector));
  }

  #tell(/** @type {string} */ code) {
    const { sku } = this.#asked, detail = { sku, variant: this.#told?.variant, code };
    this.dispatchEvent(new CustomEvent(`${NAME}:error`, { bubbles: true, composed: true, detail }));
  }
}

for (const [name, property] of Object.entries(PROPERTIES)) {
  Object.defineProperty(RedisCheckout.prototype, property, {
    get() { return this.getAttribute(name) ?? ''; },
    set(value) { value == null ? this.removeAttribute(name) : this.setAttribute(name, value); },
  });
}
