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

  // The first screen names the build that it came from, and that one takes it over.
  const loading = {};
  const load = ({ glue, wasm }) => loading[glue] ??= import(base + glue)
    .then((module) => module.default({ module_or_path: base + wasm }).then(() => module))
    .catch((reason) => { delete loading[glue]; throw reason; });

  const make = (tag, name, text = '') => Object.assign(document.createElement(tag), { className: name, textContent: text });

  class RedisCheckout extends HTMLElement {
    static observedAttributes = ['sku', 'variant', 'lang', 'theme', 'coupon', 'email', 'learner-token'];
    #life; #handle; #screen; #starting; #wanted; #changed; #sku;

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
        if (this.getAttribute('sku') === this.#sku) return this.#handle?.update();
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
      root.replaceChildren(make('main'));
      const problem = await this.#fetch(signal);
      if (signal.aborted) return;
      if (problem) return this.#fail(problem);
      root.addEventListener('click', (event) => {
        const button = event.target.closest('[data-press]');
        if (this.#handle || !button) return;
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

    // Resolves to what went wrong, where something did.
    async #fetch(signal) {
      try {
        const late = AbortSignal.timeout(15000);
        const either = AbortSignal.any?.([signal, late]) ?? signal;
        const answer = await fetch(`${base}/embed/card/${encodeURIComponent(this.#sku ?? '')}`, { signal: either, credentials: 'omit' });
        const text = await answer.text();
        if (signal.aborted) return;
        if (!answer.ok) return answer.status === 404 ? 'unknown_sku' : 'unavailable';
        this.shadowRoot.innerHTML = policy.createHTML(text);
        this.#screen = this.shadowRoot.querySelector('script').textContent;
      } catch { return 'offline'; }
    }

    async #wake(signal) {
      // One that was scheduled before the element went or sold another must not take the next one's turn.
      if (signal.aborted || this.#starting) return;
      this.#starting = true;
      const root = this.shadowRoot;
      try {
        const take = (glue) => { this.#handle = glue.hydrate(this, root.querySelector('main'), this.#screen, trusted); };
        const glue = await load(JSON.parse(this.#screen));
        if (signal.aborted) return;
        try {
          take(glue);
        } catch {
          // Something on the page has changed what the server rendered: once more, afresh.
          const focused = root.activeElement?.dataset.focus;
          if (await this.#fetch(signal)) throw new Error('nothing to take over');
          const newest = await load(JSON.parse(this.#screen));
          if (signal.aborted) return;
          take(newest);
          if (focused) root.querySelector(`[data-focus=${focused}]`)?.focus();
        }
      } catch {
        if (!signal.aborted) this.#refuse(root);
        return;
      }
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
      if (!root.querySelector('.fallback')) root.append(this.#link('Continue on our checkout page:'));
      this.#tell('wasm_unavailable');
    }

    #fail(code) {
      const main = make('main', 'failed'), unknown = code === 'unknown_sku';
      const say = make('p', 'say', unknown ? 'This is not on sale.' : 'The checkout could not be loaded.');
      const again = make('button', 'button', 'Try again');
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
    #link(text) {
      const link = make('div', 'fallback'), slot = document.createElement('slot');
      slot.append(Object.assign(make('a', '', 'Open our checkout page'), { href: `${base}/buy/${encodeURIComponent(this.#sku ?? '')}` }));
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
