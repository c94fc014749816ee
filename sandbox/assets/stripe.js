// A stand-in for Stripe.js: the Payment Element with deferred intents, as strict about its use as Stripe's.
(() => {
  'use strict';
  if (window.Stripe?.version) return;

  const ORIGIN = new URL(document.currentScript.src).origin;
  const ELEMENTS_OPTIONS = new Set([
    'mode', 'amount', 'currency', 'appearance', 'locale', 'fonts', 'loader', 'allowedPaymentMethodTypes',
    'excludedPaymentMethodTypes', 'paymentMethodCreation', 'setupFutureUsage', 'captureMethod', 'paymentMethodConfiguration', 'onBehalfOf',
  ]);
  const PAYMENT_OPTIONS = new Set([
    'layout', 'fields', 'defaultValues', 'business', 'paymentMethodOrder', 'readOnly', 'terms', 'wallets',
    'applePay',
  ]);
  const EVENTS = new Set(['ready', 'change', 'focus', 'blur', 'escape', 'loaderror', 'loaderstart']);
  const THEMES = new Set(['stripe', 'night', 'flat', 'none']);
  const MOUNTED =
    'We could not retrieve data from the specified Element. Please make sure the Element you are attempting to use ' +
    'is still mounted.';

  class IntegrationError extends Error {
    constructor(message) {
      super(message);
      this.name = 'IntegrationError';
    }
  }

  const warnUnknown = (call, options, known) => {
    for (const name of Object.keys(options)) {
      if (!known.has(name)) {
        console.warn(`[Stripe.js] Unrecognized ${call} parameter: ${name} is not a recognized parameter. This may ` +
          'cause issues with your integration in the future.');
      }
    }
  };

  const checkAmount = (amount) => {
    if (!Number.isInteger(amount) || amount <= 0) {
      throw new IntegrationError(
        `Invalid value for elements(): amount should be an integer greater than 0. You specified: ${amount}.`);
    }
  };

  const checkCurrency = (currency) => {
    if (typeof currency !== 'string' || !/^[a-z]{3}$/.test(currency)) {
      throw new IntegrationError('Invalid value for elements(): currency should be a lowercase three-letter ISO ' +
        `currency code. You specified: ${currency}.`);
    }
  };

  const checkAppearance = (appearance) => {
    if (appearance === undefined) return;
    if (appearance === null || typeof appearance !== 'object') {
      throw new IntegrationError('Invalid value for elements(): appearance should be an object.');
    }
    if (appearance.theme !== undefined && !THEMES.has(appearance.theme)) {
      throw new IntegrationError(`Invalid value for elements(): appearance.theme: ${appearance.theme}.`);
    }
    for (const [name, value] of Object.entries(appearance.variables ?? {})) {
      if (typeof value !== 'string') {
        throw new IntegrationError(`Invalid value for elements(): appearance.variables.${name} should be a string.`);
      }
      if (value.includes('var(')) {
        console.warn(`[Stripe.js] appearance.variables.${name}: custom properties of your page have no value here.`);
      }
      if (name.startsWith('color') && !/^(#[0-9a-f]{3,8}|(rgb|hsl)a?\(.*\))$/i.test(value)) {
        console.warn(`[Stripe.js] appearance.variables.${name}: ${value} should be HEX, rgb() or hsl().`);
      }
    }
  };

  // `important` keeps the page's own style sheets from hiding a bank's prompt.
  const style = (node, properties) => {
    for (const [name, value] of Object.entries(properties)) node.style.setProperty(name, value, 'important');
  };

  const frame = (path, title) => {
    const node = document.createElement('iframe');
    node.name = `__privateStripeFrame${Math.floor(Math.random() * 1e6)}`;
    node.title = title;
    node.allow = 'payment *';
    node.src = `${ORIGIN}${path}`;
    return node;
  };

  // Handles messages from this frame only.
  const listen = (node, on) => {
    const handler = (event) => {
      if (event.origin === ORIGIN && event.source && event.source === node.contentWindow) on(event.data);
    };
    window.addEventListener('message', handler);
    return () => window.removeEventListener('message', handler);
  };

  // Loads from a plain string URL, as Stripe.js does: a page that requires Trusted Types refuses that unless it has a
  // policy named default.
  let chunk;
  const loadChunk = () => chunk ??= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.onload = resolve;
    script.onerror = reject;
    script.src = `${ORIGIN}/v3/chunk.js`;
    document.head.append(script);
  });

  class PaymentElement {
    constructor(elements, options) {
      this._elements = elements;
      this._options = options;
      this._listeners = new Map();
      this._replies = new Map();
      this._frame = null;
      this._ready = false;
      this._destroyed = false;
    }

    mount(target) {
      if (this._destroyed) {
        throw new IntegrationError('This Element has already been destroyed. Please create a new one.');
      }
      if (target === undefined || target === null) {
        throw new IntegrationError('Missing argument. Make sure to call mount() with a valid DOM element or selector.');
      }
      const node = typeof target === 'string' ? document.querySelector(target) : target;
      if (!(node instanceof Element)) {
        throw new IntegrationError(typeof target === 'string'
          ? `The selector you specified (${target}) applies to no DOM elements that are currently on the page. Make ` +
            'sure the element exists on the page before calling mount().'
          : 'Invalid DOM element. Make sure to call mount() with a valid DOM element or selector.');
      }
      if (node.getRootNode() instanceof ShadowRoot) {
        throw new IntegrationError('Elements cannot be mounted in a ShadowRoot. Please mount in the Light DOM.');
      }
      if (!node.isConnected) {
        throw new IntegrationError('The DOM element you mount to must be in the document. Make sure that it is ' +
          'attached before calling mount().');
      }
      if (this._frame?.isConnected) {
        if (this._frame.parentNode?.parentNode === node) return this;
        throw new IntegrationError('This Element is already mounted. Use `unmount()` to unmount the Element before ' +
          're-mounting.');
      }
      this._drop();
      this._parent = node;
      while (node.firstChild) node.firstChild.remove();
      const query = new URLSearchParams({ parent: location.origin, key: this._elements._stripe._key });
      const wrapper = document.createElement('div');
      wrapper.className = '__PrivateStripeElement';
      style(wrapper, { display: 'block', position: 'relative', margin: '-4px', padding: '0', border: 'none' });
      this._frame = frame(`/v3/payment-element.html?${query}`, 'Secure payment input frame');
      style(this._frame, {
        display: 'block', width: '100%', height: '0', border: 'none', margin: '0', padding: '0', overflow: 'hidden',
        'min-width': '100%', 'user-select': 'none', 'color-scheme': 'light only', visibility: 'visible', opacity: '1',
      });
      this._unlisten = listen(this._frame, (message) => this._hear(message));
      wrapper.append(this._frame);
      node.append(wrapper);
      node.classList.add('StripeElement');
      this._watch = setTimeout(() => this._fail(), 15000);
      return this;
    }

    _fail() {
      if (this._ready) return;
      this._emit('loaderror', {
        elementType: 'payment', error: { type: 'api_connection_error', message: 'The payment form did not load.' },
      });
    }

    unmount() {
      this._drop();
      return this;
    }

    destroy() {
      this._drop();
      this._destroyed = true;
      if (this._elements._payment === this) this._elements._payment = null;
    }

    update(options) {
      Object.assign(this._options, options);
      this._send({ type: 'update', options: this._options });
      return this;
    }

    focus() { this._frame?.focus(); this._send({ type: 'focus' }); }
    blur() { this._send({ type: 'blur' }); }
    clear() { this._send({ type: 'clear' }); }
    collapse() {}

    on(name, handler) {
      if (!EVENTS.has(name)) throw new IntegrationError(`Invalid event name: ${name}.`);
      if (typeof handler !== 'function') throw new IntegrationError('You must supply a function to element.on().');
      if (!this._listeners.has(name)) this._listeners.set(name, new Set());
      this._listeners.get(name).add(handler);
      return this;
    }

    off(name, handler) {
      if (handler) this._listeners.get(name)?.delete(handler);
      else this._listeners.delete(name);
      return this;
    }

    once(name, handler) {
      const wrapped = (event) => { this.off(name, wrapped); handler(event); };
      return this.on(name, wrapped);
    }

    _emit(name, event) {
      for (const handler of [...(this._listeners.get(name) ?? [])]) handler(event);
    }

    _drop() {
      clearTimeout(this._watch);
      this._unlisten?.();
      this._unlisten = null;
      this._frame?.parentNode?.remove();
      this._frame = null;
      this._parent?.classList.remove('StripeElement');
      this._parent = null;
      this._ready = false;
      for (const reply of this._replies.values()) reply.reject(new IntegrationError(MOUNTED));
      this._replies.clear();
    }

    _hear(message) {
      switch (message?.type) {
        case 'hello':
          loadChunk().then(
            () => this._send({ type: 'start', group: this._elements._group(), options: this._options }),
            () => this._fail(),
          );
          break;
        case 'resize':
          style(this._frame, { height: `${message.height}px` });
          break;
        case 'ready':
          if (this._ready) break;
          this._ready = true;
          clearTimeout(this._watch);
          this._emit('ready', { elementType: 'payment' });
          break;
        case 'change':
          this._elements._submitted = false;
          this._emit('change', {
            elementType: 'payment', collapsed: false, complete: message.complete, empty: message.empty,
            value: { type: message.method },
          });
          break;
        case 'focus': case 'blur': case 'escape':
          this._emit(message.type, { elementType: 'payment' });
          break;
        case 'reply':
          this._replies.get(message.id)?.resolve(message.result);
          this._replies.delete(message.id);
          break;
      }
    }

    _send(message) {
      this._frame?.contentWindow?.postMessage(message, ORIGIN);
    }

    _ask(type, details) {
      if (!this._frame?.isConnected || !this._ready) return Promise.reject(new IntegrationError(MOUNTED));
      const id = `${Date.now()}-${Math.random()}`;
      return new Promise((resolve, reject) => {
        this._replies.set(id, { resolve, reject });
        this._send({ type, id, ...details });
      });
    }
  }

  class Elements {
    constructor(stripe, options) {
      this._stripe = stripe;
      this._options = options;
      this._payment = null;
      this._submitted = false;
    }

    create(type, options = {}) {
      if (type !== 'payment') {
        throw new IntegrationError(`A valid Element name must be provided. The sandbox has only payment; got ${type}.`);
      }
      if (this._payment) {
        throw new IntegrationError(
          'Can only create one Element of type payment through this Elements instance: use getElement().');
      }
      warnUnknown('create()', options, PAYMENT_OPTIONS);
      this._payment = new PaymentElement(this, { ...options });
      return this._payment;
    }

    getElement(type) {
      return (type === 'payment' || type === PaymentElement) ? this._payment : null;
    }

    async update(options) {
      if (options.amount !== undefined) checkAmount(options.amount);
      if (options.currency !== undefined) checkCurrency(options.currency);
      checkAppearance(options.appearance);
      warnUnknown('update()', options, ELEMENTS_OPTIONS);
      Object.assign(this._options, options);
      this._payment?._send({ type: 'group', group: this._group() });
    }

    async fetchUpdates() { return {}; }

    async submit() {
      if (!this._payment) throw new IntegrationError('elements.submit() needs a mounted payment Element.');
      const result = await this._payment._ask('submit');
      this._submitted = !result.error;
      return result;
    }

    _group() {
      const { appearance, locale, amount, currency, excludedPaymentMethodTypes } = this._options;
      return { appearance, locale, amount, currency, excludedPaymentMethodTypes };
    }
  }

  // Just enough to tell whether the page's language arrives here.
  const WORDS = { de: { insufficient_funds: 'Ihre Karte verfügt nicht über ausreichende Deckung.' } };

  class StripeInstance {
    constructor(key, locale = 'auto') {
      this._key = key;
      this._words = WORDS[locale] ?? {};
      this._busy = false;
    }

    elements(options) {
      if (options === null || typeof options !== 'object') {
        throw new IntegrationError('elements() needs options: mode, amount and currency.');
      }
      if (options.clientSecret !== undefined) {
        throw new IntegrationError('The sandbox knows only deferred intents: give mode, amount and currency.');
      }
      if (options.mode === undefined) {
        throw new IntegrationError(
          'In order to create a payment element, you must pass a clientSecret or mode when creating the Elements group.');
      }
      if (options.mode !== 'payment') {
        throw new IntegrationError(`Invalid value for elements(): mode: the sandbox has only payment; got ${options.mode}.`);
      }
      checkAmount(options.amount);
      checkCurrency(options.currency);
      checkAppearance(options.appearance);
      warnUnknown('elements()', options, ELEMENTS_OPTIONS);
      return new Elements(this, { ...options });
    }

    async retrievePaymentIntent(clientSecret) {
      return this._retrieve(clientSecret);
    }

    async handleNextAction({ clientSecret } = {}) {
      const { paymentIntent, error } = await this._retrieve(clientSecret);
      return error ? { error } : this._next(paymentIntent, clientSecret);
    }

    async confirmPayment({ elements, clientSecret, confirmParams = {}, redirect = 'always' } = {}) {
      if (!(elements instanceof Elements)) {
        throw new IntegrationError('stripe.confirmPayment(): elements should be an Elements instance.');
      }
      if (typeof clientSecret !== 'string' || !/^pi_\w+_secret_\w+$/.test(clientSecret)) {
        throw new IntegrationError('Invalid value for stripe.confirmPayment(): clientSecret should be a client secret ' +
          'of the form ${id}_secret_${secret}.');
      }
      const { return_url: returnUrl } = confirmParams;
      if (returnUrl === undefined && redirect !== 'if_required') {
        throw new IntegrationError('stripe.confirmPayment(): confirmParams.return_url is required.');
      }
      if (returnUrl !== undefined && !/^https?:\/\//.test(returnUrl)) {
        throw new IntegrationError(
          'Invalid value for stripe.confirmPayment(): confirmParams.return_url should be an absolute URL.');
      }
      if (!elements._submitted) {
        throw new IntegrationError('elements.submit() must be called before stripe.confirmPayment().');
      }
      const element = elements._payment;
      this._checkBilling(element, confirmParams);
      if (this._busy) throw new IntegrationError('stripe.confirmPayment() is already in progress.');
      this._busy = true;
      try {
        const { paymentIntent: before, error } = await this._retrieve(clientSecret);
        if (error) return { error };
        const { amount, currency } = elements._options;
        if (before.amount !== amount || before.currency !== currency) {
          return { error: {
            type: 'invalid_request_error',
            message: `The amount or currency of the PaymentIntent (${before.amount} ${before.currency}) does not match ` +
              `what elements was given (${amount} ${currency}).`,
            payment_intent: before,
          } };
        }
        const list = (types) => [...(types ?? [])].sort().join();
        const [offered, wanted] = [elements._options.excludedPaymentMethodTypes, before.excluded_payment_method_types];
        if (list(offered) !== list(wanted)) {
          return { error: {
            type: 'invalid_request_error',
            message: `The PaymentIntent excludes payment methods (${list(wanted)}) that elements does not (${list(offered)}).`,
            payment_intent: before,
          } };
        }
        elements._submitted = false;
        const answer = await element._ask('confirm', { clientSecret, confirmParams });
        if (answer.error) {
          const { message, decline_code: code } = answer.error;
          return { error: { ...answer.error, message: this._words[code] ?? message } };
        }
        const result = await this._next(answer.paymentIntent, clientSecret);
        if (!result.error && redirect !== 'if_required') return this._leave(result.paymentIntent, returnUrl);
        return result;
      } finally {
        this._busy = false;
      }
    }

    // The page must supply the fields that it told the element not to collect.
    _checkBilling(element, confirmParams) {
      const given = confirmParams.payment_method_data?.billing_details ?? {};
      const never = element?._options.fields?.billingDetails;
      const check = (hidden, value, name) => {
        if (hidden && value === undefined) {
          throw new IntegrationError(`You specified "never" for fields.billing_details.${name} when creating the ` +
            `payment Element, but did not pass confirmParams.payment_method_data.billing_details.${name}.`);
        }
      };
      const address = never?.address;
      check(never === 'never' || address === 'never' || address?.country === 'never', given.address?.country, 'address.country');
      check(never === 'never' || address === 'never' || address?.postalCode === 'never', given.address?.postal_code,
        'address.postal_code');
      check(never === 'never' || never?.name === 'never', given.name, 'name');
      check(never === 'never' || never?.email === 'never', given.email, 'email');
    }

    async _retrieve(clientSecret) {
      const id = String(clientSecret).split('_secret_')[0];
      const query = new URLSearchParams({ key: this._key, client_secret: clientSecret });
      try {
        const response = await fetch(`${ORIGIN}/v1/payment_intents/${encodeURIComponent(id)}?${query}`, { credentials: 'omit' });
        const body = await response.json();
        return response.ok ? { paymentIntent: body } : { error: body.error };
      } catch {
        return { error: {
          type: 'api_connection_error',
          message: 'We are experiencing issues connecting to our payments provider. You have not been charged. Please ' +
            'check your internet connection and try again.',
        } };
      }
    }

    async _next(paymentIntent, clientSecret) {
      const action = paymentIntent.next_action;
      if (paymentIntent.status !== 'requires_action' || !action) return { paymentIntent };
      if (action.type === 'redirect_to_url') {
        location.assign(action.redirect_to_url.url);
        return new Promise(() => {});
      }
      if (action.type === 'oxxo_display_details') {
        await this._voucher(action.oxxo_display_details);
        return { paymentIntent };
      }
      await this._challenge(action.use_stripe_sdk.stripe_js);
      const { paymentIntent: after, error } = await this._retrieve(clientSecret);
      if (error) return { error };
      const failed = after.status === 'requires_payment_method' && after.last_payment_error;
      if (failed) return { error: { ...after.last_payment_error, payment_intent: after } };
      if (after.status === 'canceled') {
        return { error: {
          type: 'invalid_request_error', code: 'payment_intent_unexpected_state',
          message: 'This PaymentIntent has been canceled.', payment_intent: after,
        } };
      }
      return { paymentIntent: after };
    }

    // Shows 3-D Secure over the whole page.
    _challenge(url) {
      const { pathname, search } = new URL(url);
      const overlay = document.createElement('div');
      overlay.setAttribute('data-stripe-overlay', '');
      style(overlay, {
        display: 'block', position: 'fixed', inset: '0', 'z-index': '2147483647', visibility: 'visible', opacity: '1',
        background: 'rgba(9, 26, 35, .55)', margin: '0', padding: '0',
      });
      const node = frame(`${pathname}${search}&parent=${encodeURIComponent(location.origin)}`, 'Secure authentication');
      style(node, {
        display: 'block', position: 'absolute', inset: '0', width: '100%', height: '100%', border: 'none',
        visibility: 'visible', opacity: '1', 'color-scheme': 'light',
      });
      const focused = document.activeElement;
      return new Promise((resolve) => {
        const unlisten = listen(node, (message) => {
          if (message?.type !== 'authenticated') return;
          unlisten();
          overlay.remove();
          focused?.focus?.({ preventScroll: true });
          resolve();
        });
        overlay.append(node);
        document.body.append(overlay);
        node.focus({ preventScroll: true });
      });
    }

    // Shows the voucher to take to a shop, until the learner closes it.
    _voucher({ number, expires_after: until }) {
      const dialog = document.createElement('dialog');
      dialog.setAttribute('data-stripe-voucher', '');
      const line = document.createElement('p');
      line.textContent = `Voucher ${number}, to be paid until ${new Date(until * 1000).toDateString()}`;
      const close = document.createElement('button');
      close.textContent = 'Close';
      close.addEventListener('click', () => dialog.close());
      dialog.append(line, close);
      document.body.append(dialog);
      dialog.showModal();
      return new Promise((resolve) => {
        dialog.addEventListener('close', () => {
          dialog.remove();
          resolve();
        });
      });
    }

    _leave(paymentIntent, returnUrl) {
      const url = new URL(returnUrl);
      url.searchParams.set('payment_intent', paymentIntent.id);
      url.searchParams.set('payment_intent_client_secret', paymentIntent.client_secret);
      url.searchParams.set('redirect_status', paymentIntent.status === 'processing' ? 'pending' : 'succeeded');
      location.assign(url);
      return new Promise(() => {});
    }
  }

  // Only the locale given here decides the language of errors, not the one given to elements().
  function Stripe(key, options = {}) {
    if (typeof key !== 'string' || key === '') {
      throw new IntegrationError('Please call Stripe() with your publishable key. You used an empty string.');
    }
    if (key.startsWith('sk_')) {
      throw new IntegrationError('You should not use your secret key with Stripe.js. Please pass a publishable key instead.');
    }
    if (!key.startsWith('pk_')) throw new IntegrationError(`Invalid API Key provided: ${key.slice(0, 8)}****`);
    warnUnknown('Stripe()', options, new Set(['locale', 'apiVersion', 'stripeAccount', 'betas', 'developerTools']));
    return new StripeInstance(key, options.locale);
  }
  Stripe.version = 'sandbox';
  window.Stripe = Stripe;
})();
