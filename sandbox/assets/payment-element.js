// The fields of the Payment Element. This frame sends the input to the API itself and never reveals it to the page.
(() => {
  'use strict';
  const query = new URLSearchParams(location.search);
  const PARENT = query.get('parent');
  const KEY = query.get('key');
  const form = document.getElementById('form');
  const field = (name) => form.elements.namedItem(name);
  const POSTAL = { US: ['ZIP code', '12345'], CA: ['Postal code', 'M5T 1T4'], GB: ['Postcode', 'WS11 1DB'] };
  const state = { fields: {}, method: 'card' };
  const METHODS = { card: 'card', bank: 'bancontact', voucher: 'oxxo' };
  const VARIABLES = {
    colorPrimary: '--primary', colorBackground: '--background', colorText: '--text', colorDanger: '--danger',
    borderRadius: '--radius', fontFamily: '--font', fontSizeBase: '--size', colorTextSecondary: '--secondary',
    colorTextPlaceholder: '--placeholder', spacingUnit: '--unit',
  };

  const tell = (message) => parent.postMessage(message, PARENT);
  const digits = (name) => field(name).value.replace(/\D/g, '');
  const touched = new Set();

  const luhn = (number) => [...number].reverse().reduce((sum, character, place) => {
    const digit = Number(character) * (place % 2 ? 2 : 1);
    return sum + Math.floor(digit / 10) + digit % 10;
  }, 0) % 10 === 0;

  const isAmex = () => /^3[47]/.test(digits('number'));
  const error = (code, message) => ({ code, message });

  const checks = {
    number() {
      const number = digits('number');
      const full = isAmex() ? 15 : 16;
      if (number.length < full) return error('incomplete_number', 'Your card number is incomplete.');
      return luhn(number) && number.length <= 19 ? null : error('invalid_number', 'Your card number is invalid.');
    },
    expiry() {
      const value = digits('expiry');
      if (value.length < 4) return error('incomplete_expiry', 'Your card’s expiration date is incomplete.');
      const [month, year] = [Number(value.slice(0, 2)), 2000 + Number(value.slice(2, 4))];
      if (month < 1 || month > 12) return error('invalid_expiry_month', 'Your card’s expiration date is invalid.');
      const now = new Date();
      if (year < now.getFullYear()) return error('invalid_expiry_year_past', 'Your card’s expiration year is in the past.');
      if (year === now.getFullYear() && month < now.getMonth() + 1) {
        return error('invalid_expiry_month_past', 'Your card’s expiration date is in the past.');
      }
      return null;
    },
    cvc() {
      return digits('cvc').length < (isAmex() ? 4 : 3)
        ? error('incomplete_cvc', 'Your card’s security code is incomplete.') : null;
    },
    postalCode() {
      const country = field('country').value;
      if (state.fields.postalCode || !POSTAL[country]) return null;
      const value = field('postalCode').value.trim();
      const complete = country === 'US' ? /^\d{5}(-?\d{4})?$/.test(value) : value.length >= 5;
      return complete ? null
        : error(country === 'US' ? 'incomplete_zip' : 'incomplete_postal_code', `Your ${POSTAL[country][0].replace(/^P/, 'p')} is incomplete.`);
    },
  };

  const show = (name, problem) => {
    field(name).setAttribute('aria-invalid', String(Boolean(problem)));
    document.getElementById(`${name}-error`).textContent = problem ? problem.message : '';
  };

  const problems = () => state.method === 'card'
    ? Object.keys(checks).map((name) => [name, checks[name]()]).filter(([, problem]) => problem) : [];

  let last = '';
  const changed = () => {
    const empty = state.method === 'card' && ['number', 'expiry', 'cvc'].every((name) => field(name).value === '');
    const message = { type: 'change', complete: problems().length === 0, empty, method: METHODS[state.method] };
    const typed = JSON.stringify([...new FormData(form)]) + state.method;
    if (typed !== last) {
      last = typed;
      tell(message);
    }
  };

  const format = (input) => {
    const value = input.value;
    if (input.name === 'number') {
      const number = digits('number').slice(0, 19);
      const groups = isAmex() ? number.match(/^(\d{1,4})(\d{1,6})?(\d{1,5})?/)?.slice(1) : number.match(/\d{1,4}/g);
      input.value = (groups ?? []).filter(Boolean).join(' ');
    } else if (input.name === 'expiry') {
      let text = digits('expiry').slice(0, 4);
      if (/^[2-9]$/.test(text)) text = `0${text}`;
      const isDeleting = value.length < (input.dataset.before ?? '').length;
      input.value = text.length > 2 || (text.length === 2 && !isDeleting) ? `${text.slice(0, 2)} / ${text.slice(2)}` : text;
      input.dataset.before = input.value;
    } else if (input.name === 'cvc') {
      input.value = digits('cvc').slice(0, 4);
    }
  };

  const country = () => {
    const postal = POSTAL[field('country').value];
    document.getElementById('country-field').hidden = state.fields.country === true;
    document.getElementById('postalCode-field').hidden = state.fields.postalCode === true || !postal;
    if (postal) {
      document.getElementById('postal-label').textContent = postal[0];
      field('postalCode').placeholder = postal[1];
    }
  };

  const choose = (method) => {
    state.method = method;
    for (const name of Object.keys(METHODS)) {
      document.getElementById(name).hidden = name !== method;
      document.getElementById(`tab-${name}`).setAttribute('aria-selected', String(name === method));
      document.getElementById(`tab-${name}`).tabIndex = name === method ? 0 : -1;
    }
    changed();
  };

  const dress = ({ appearance = {}, locale = 'auto', excludedPaymentMethodTypes = [] } = {}) => {
    const root = document.documentElement;
    root.dataset.theme = appearance.theme ?? 'stripe';
    for (const [name, property] of Object.entries(VARIABLES)) {
      const value = appearance.variables?.[name];
      if (value === undefined) root.style.removeProperty(property);
      else root.style.setProperty(property, value);
    }
    const language = locale === 'auto' ? navigator.language : locale;
    root.lang = language;
    root.dir = /^(ar|he|fa|ur)\b/.test(language) ? 'rtl' : 'ltr';
    for (const [name, type] of Object.entries(METHODS)) {
      document.getElementById(`tab-${name}`).hidden = excludedPaymentMethodTypes.includes(type);
    }
  };

  const options = ({ fields = {}, defaultValues = {} } = {}) => {
    const billing = fields.billingDetails;
    const address = billing === 'never' ? 'never' : billing?.address;
    state.fields = {
      country: address === 'never' || address?.country === 'never',
      postalCode: address === 'never' || address?.postalCode === 'never',
    };
    const known = defaultValues.billingDetails?.address ?? {};
    const isListed = [...field('country').options].some((option) => option.value === known.country);
    if (isListed && !touched.has('country')) field('country').value = known.country;
    if (known.postal_code && field('postalCode').value === '') field('postalCode').value = known.postal_code;
    country();
  };

  const submit = () => {
    const found = problems();
    for (const name of Object.keys(checks)) touched.add(name);
    for (const name of Object.keys(checks)) show(name, found.find(([wrong]) => wrong === name)?.[1]);
    if (found.length === 0) return { selectedPaymentMethod: METHODS[state.method] };
    field(found[0][0]).focus();
    const [, problem] = found[0];
    return { error: { type: 'validation_error', ...problem } };
  };

  const confirm = async ({ clientSecret, confirmParams }) => {
    const body = new URLSearchParams({ key: KEY, client_secret: clientSecret });
    const put = (name, value) => {
      if (value !== undefined && value !== null && value !== '') body.set(name, value);
    };
    put('payment_method_data[type]', METHODS[state.method]);
    if (state.method === 'card') {
      const expiry = digits('expiry');
      put('payment_method_data[card][number]', digits('number'));
      put('payment_method_data[card][exp_month]', expiry.slice(0, 2));
      put('payment_method_data[card][exp_year]', expiry.slice(2));
      put('payment_method_data[card][cvc]', digits('cvc'));
    }
    const billing = confirmParams.payment_method_data?.billing_details ?? {};
    const prefix = 'payment_method_data[billing_details]';
    for (const name of ['name', 'email', 'phone']) put(`${prefix}[${name}]`, billing[name]);
    if (!state.fields.country) put(`${prefix}[address][country]`, field('country').value);
    if (!document.getElementById('postalCode-field').hidden) put(`${prefix}[address][postal_code]`, field('postalCode').value);
    for (const [name, value] of Object.entries(billing.address ?? {})) put(`${prefix}[address][${name}]`, value);
    put('return_url', confirmParams.return_url);
    put('receipt_email', confirmParams.receipt_email);
    const id = encodeURIComponent(clientSecret.split('_secret_')[0]);
    try {
      const response = await fetch(`/v1/payment_intents/${id}/confirm`, { method: 'POST', body, credentials: 'omit' });
      const answer = await response.json();
      if (response.ok) return { paymentIntent: answer };
      const wrong = { incorrect_number: 'number', expired_card: 'expiry', invalid_expiry_year: 'expiry', invalid_expiry_month: 'expiry', incorrect_cvc: 'cvc', invalid_cvc: 'cvc' }[answer.error.code];
      if (wrong) show(wrong, answer.error);
      return { error: answer.error };
    } catch {
      return { error: {
        type: 'api_connection_error',
        message: 'We are experiencing issues connecting to our payments provider. Please check your internet connection ' +
          'and try again.',
      } };
    }
  };

  window.addEventListener('message', async ({ origin, source, data }) => {
    if (origin !== PARENT || source !== parent) return;
    switch (data?.type) {
      case 'start':
        dress(data.group);
        options(data.options);
        requestAnimationFrame(() => tell({ type: 'ready' }));
        // An off-screen frame gets no animation frames.
        setTimeout(() => tell({ type: 'ready' }), 300);
        break;
      case 'group': dress(data.group); break;
      case 'update': options(data.options); break;
      case 'focus': field('number').focus(); break;
      case 'blur': document.activeElement?.blur(); break;
      case 'clear': form.reset(); changed(); break;
      case 'submit': tell({ type: 'reply', id: data.id, result: submit() }); break;
      case 'confirm': tell({ type: 'reply', id: data.id, result: await confirm(data) }); break;
    }
  });

  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('input', ({ target }) => {
    format(target);
    if (target.name === 'country') { touched.add('country'); country(); }
    if (target.getAttribute('aria-invalid') === 'true' && checks[target.name]) show(target.name, checks[target.name]());
    changed();
  });
  form.addEventListener('focusin', () => tell({ type: 'focus' }));
  form.addEventListener('focusout', ({ target, relatedTarget }) => {
    if (checks[target.name] && target.value !== '') show(target.name, checks[target.name]());
    if (!relatedTarget) tell({ type: 'blur' });
  });
  form.addEventListener('keydown', ({ key, target }) => {
    if (key === 'Escape') tell({ type: 'escape' });
    if (target.role === 'tab' && (key === 'ArrowLeft' || key === 'ArrowRight')) {
      const shown = Object.keys(METHODS).filter((name) => !document.getElementById(`tab-${name}`).hidden);
      const step = key === 'ArrowRight' ? 1 : shown.length - 1;
      choose(shown[(shown.indexOf(state.method) + step) % shown.length]);
      document.getElementById(`tab-${state.method}`).focus();
    }
  });
  for (const name of Object.keys(METHODS)) {
    document.getElementById(`tab-${name}`).addEventListener('click', () => choose(name));
  }

  last = JSON.stringify([...new FormData(form)]) + state.method;
  new ResizeObserver(() => tell({ type: 'resize', height: Math.ceil(form.getBoundingClientRect().height) + 8 })).observe(form);
  tell({ type: 'hello' });
})();
