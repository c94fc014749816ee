// The custom element: shows the server's first screen at once, and brings it to life when it is wanted.
(() => {
  const NAME = 'redis-checkout';
  if (customElements.get(NAME)) return;
  const base = document.currentScript.src.replace(/\/embed\/[^/]*$/, '');
  const sheet = new CSSStyleSheet();
  sheet.replaceSync("__CSS__");

  // Pages that demand Trusted Types must allow this policy's name. It trusts what our own server sends.
  let policy = { createHTML: (text) => text, createScriptURL: (text) => text };
  try { policy = self.trustedTypes?.createPolicy(NAME, policy) ?? policy; } catch { /* not allowed: the page may not insist */ }
  const trusted = (address) => policy.createScriptURL(address);

  // Calls once for each key; a failure is forgotten, so that the next call tries again.
  const once = (call, known = {}) => (key, ...more) =>
    known[key] ??= call(key, ...more).catch((reason) => { delete known[key]; throw reason; });
  // The first screen names the build that it came from, and that one takes it over.
  const builds = new Set();
  const load = once((glue, wasm) => import(base + glue)
    .then((module) => module.default({ module_or_path: base + wasm }).then(() => { builds.add(module); return module; })));
  const read = once((words) => fetch(base + words, { credentials: 'omit' })
    .then((answer) => answer.ok ? answer.text() : Promise.reject(new Error(answer.status))));
  // How a language writes what is not a word.
  const speech = (lang) => {
    const dates = (options) => { const format = new Intl.DateTimeFormat(lang, options); return (at) => format.format(at); };
    const plurals = new Intl.PluralRules(lang);
    return {
      money: (units, currency, decimals) => new Intl.NumberFormat(lang, {
        style: 'currency', currency, minimumFractionDigits: decimals, maximumFractionDigits: decimals,
      }).format(units),
      date: dates({ dateStyle: 'medium', timeZone: 'UTC' }),
      time: dates({ timeStyle: 'short' }),
      plural: (number) => plurals.select(number),
    };
  };

  const make = (tag, name, text = '') => Object.assign(document.createElement(tag), { className: name, textContent: text });

  class RedisCheckout extends HTMLElement {
    static observedAttributes = ['sku', 'variant', 'lang', 'theme', 'coupon', 'email', 'learner-token'];
    #life; #handle; #screen; #told; #starting; #wanted; #changed; #sku; #lang;

    connectedCallback() {
      if (this.#life) return; // moved within the document: everything stays
      if (!this.shadowRoot) this.attachShadow({ mode: 'open' }).adoptedStyleSheets = [sheet];
      this.#start();
    }

    disconnectedCallback() {
      queueMicrotask(() => { if (!this.isConnected) this.#end(); });
    }

    attributeChangedCallback(name, before, now) {
      if (!this.#life || before === now || this.#changed) return;
      this.#changed = true;
      queueMicrotask(() => {
        this.#changed = false;
        if (!this.#life) return;
        const same = this.getAttribute('sku') === this.#sku;
        if (same && this.#language() === this.#lang) return this.#handle?.update();
        if (same && this.#handle) return this.#speak(this.#life.signal);
        this.#end();
        this.#start();
      });
    }

    #end() {
      this.#life?.abort();
      this.#life = this.#starting = this.#wanted = undefined;
      try { this.#handle?.free(); } catch { /* it has trapped before */ }
      this.#handle = undefined;
      this.shadowRoot.replaceChildren();
    }

    async #start() {
      const root = this.shadowRoot, { signal } = this.#life = new AbortController();
      this.#sku = this.getAttribute('sku');
      this.#lang = this.#language();
      root.replaceChildren(make('main'));
      const problem = await this.#fetch(signal);
      if (signal.aborted) return;
      if (problem) return this.#fail(problem);
      root.addEventListener('click', (event) => {
        const button = event.target.closest('[data-press]');
        if (this.#handle || !button || !root.contains(event.target)) return;
        this.#wanted = button;
        button.setAttribute('aria-busy', 'true');
        this.#wake(signal);
      }, { signal });
      const wake = () => this.#wake(signal);
      for (const type of ['pointerover', 'touchstart', 'focusin']) {
        root.addEventListener(type, wake, { signal, once: true, passive: true });
      }
      const seen = new IntersectionObserver(([entry]) => {
        if (!entry.isIntersecting) return;
        seen.disconnect();
        (self.requestIdleCallback ?? ((call) => setTimeout(call, 200)))(wake, { timeout: 3000 });
      }, { rootMargin: '50%' });
      seen.observe(this);
      signal.addEventListener('abort', () => seen.disconnect());
    }

    // The element's own, or that of the page around it.
    #language() {
      return this.closest('[lang]')?.lang || document.documentElement.lang;
    }

    // The first screen as the server has it now, or a code for what went wrong.
    async #ask(signal) {
      try {
        const late = AbortSignal.timeout(15000);
        const either = AbortSignal.any?.([signal, late]) ?? signal;
        const address = `${base}/embed/card/${encodeURIComponent(this.#sku ?? '')}?lang=${encodeURIComponent(this.#lang)}`;
        const answer = await fetch(address, { signal: either, credentials: 'omit' });
        const text = await answer.text();
        return answer.ok ? { text } : { problem: answer.status === 404 ? 'unknown_sku' : 'unavailable' };
      } catch { return { problem: 'offline' }; }
    }

    // Shows it. Resolves to what went wrong, where something did.
    async #fetch(signal) {
      const { text, problem } = await this.#ask(signal);
      if (signal.aborted || problem) return problem;
      this.shadowRoot.innerHTML = policy.createHTML(text);
      this.#screen = this.shadowRoot.querySelector('script').textContent;
      this.#told = JSON.parse(this.#screen);
    }

    // Another language while the checkout is under way: nothing but its words changes.
    async #speak(signal) {
      const wanted = this.#lang = this.#language();
      this.#handle.update();
      const { text } = await this.#ask(signal);
      const { glue, words, lang } = JSON.parse(text?.match(/>(.*?)<\/script>/s)?.[1] ?? '{}');
      // Only its own build knows the order of its texts.
      const texts = glue === this.#told.glue && await read(words).catch(() => undefined);
      if (signal.aborted || wanted !== this.#lang) return; // a later one goes on
      if (texts) this.#handle?.speak(texts, speech(lang));
      else this.#lang = undefined; // the next change of anything tries again
    }

    async #wake(signal) {
      // One that was scheduled before the element went or sold another must not take the next one's turn.
      if (signal.aborted || this.#starting) return;
      this.#starting = true;
      const root = this.shadowRoot;
      try {
        const all = () => Promise.all([load(this.#told.glue, this.#told.wasm), read(this.#told.words)]);
        const take = ([glue, words]) => {
          const main = root.querySelector('main');
          // Another build of before may keep a checkout whose money is moving: nobody is asked to pay again.
          for (const build of builds) {
            const id = build !== glue && build.kept(this.#sku);
            if (id) return main.replaceChildren(this.#link(this.#told.fallback, this.#told.open_page, `/p/${id}`));
          }
          this.#handle = glue.hydrate(this, main, this.#screen, words, speech(this.#told.lang), trusted);
        };
        try {
          const parts = await all();
          if (signal.aborted) return;
          take(parts);
        } catch {
          // Its build is gone from the server, or something on the page has changed what it rendered: once more, afresh.
          const focused = root.activeElement?.dataset.focus;
          if (await this.#fetch(signal)) throw new Error('nothing to take over');
          if (focused) root.querySelector(`[data-focus=${focused}]`)?.focus();
          const newest = await all();
          if (signal.aborted) return;
          take(newest);
        }
      } catch {
        if (!signal.aborted) this.#refuse(root);
        return;
      }
      if (!this.#handle) return;
      root.querySelector('.fallback')?.remove();
      if (!this.#wanted) return;
      const button = this.#wanted.isConnected ? this.#wanted : root.querySelector('[data-press]');
      this.#wanted = undefined;
      button?.click();
    }

    // No WASM, or not now: the first screen stays, with the page's own link below. Another press tries again.
    #refuse(root) {
      this.#starting = false;
      this.#wanted?.setAttribute('aria-busy', 'false');
      this.#wanted = undefined;
      if (!root.querySelector('.fallback')) root.append(this.#link(this.#told.fallback, this.#told.open_page));
      this.#tell('wasm_unavailable');
    }

    #fail(code) {
      const main = make('main', 'failed'), unknown = code === 'unknown_sku';
      const say = make('p', 'say', unknown ? 'This is not on sale.' : 'The checkout could not be loaded.');
      const again = make('button', 'button', 'Try again');
      Object.assign(main, { lang: 'en', dir: 'ltr' });
      say.setAttribute('role', 'alert');
      again.type = 'button';
      again.addEventListener('click', async () => {
        this.#end();
        await this.#start();
        const root = this.shadowRoot;
        if (!document.activeElement || document.activeElement === document.body) root.querySelector('button')?.focus();
      });
      main.append(say, again, this.#link());
      this.shadowRoot.replaceChildren(main);
      this.#tell(code);
    }

    // The page's own link, or ours where it has none.
    #link(text, label = 'Open our checkout page', path = '') {
      const link = make('div', 'fallback'), slot = document.createElement(path ? 'div' : 'slot');
      const address = path || `/buy/${encodeURIComponent(this.#sku ?? '')}`;
      slot.append(Object.assign(make('a', '', label), { href: base + address }));
      link.dir = 'auto';
      if (text) link.append(Object.assign(make('p', 'say', text), { role: 'alert' }));
      link.append(slot);
      return link;
    }

    #tell(code) {
      const detail = { sku: this.#sku, variant: this.getAttribute('variant') ?? undefined, code };
      this.dispatchEvent(new CustomEvent(`${NAME}:error`, { bubbles: true, composed: true, detail }));
    }
  }

  customElements.define(NAME, RedisCheckout);
})();
