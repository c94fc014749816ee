// Makes each element on the page report what keeps it from working, and which line to add where. Loaded only if the
// page's URL asks for it: ?redis-checkout-diagnose.

/** The smallest valid WebAssembly module. */
const MODULE = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);
const TIMEOUT = 8000;

const STYLES = `
.diagnosis { all: initial; display: block; margin-block-start: 12px; padding: 16px; border: 2px solid #5961ff;
  background: #fff; color: #091a23; font: 400 14px/1.5 system-ui, sans-serif; }
.diagnosis h2 { margin: 0 0 8px; font-size: 16px; }
.diagnosis ul { margin: 0; padding: 0; list-style: none; }
.diagnosis li { margin: 0 0 8px; }
.diagnosis b { color: #17663a; }
.diagnosis .bad b { color: #b3241a; }
.diagnosis code { display: block; margin-block-start: 4px; padding: 6px 8px; background: #f3f5f5; color: #091a23;
  font: 400 12px/1.5 ui-monospace, monospace; overflow-wrap: anywhere; user-select: all; }
`;

/**
 * @typedef {{ good: boolean, text: string, line?: string }} Finding
 * @typedef {{ origin_allowed: boolean, sku_known: boolean, stripe_js: string, stripe_api: string,
 *   policy: Record<string, string> }} Diagnosis
 */

/**
 * @param {string} name of the element
 * @param {string} base URL of the checkout
 * @param {SecurityPolicyViolationEvent[]} violations that were seen so far; the array keeps growing
 */
export async function explain(name, base, violations) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLES);
  for (const element of elements(document, name)) {
    const findings = [...standing(element), ...await find(base, element.getAttribute('sku') ?? '', violations)];
    // Beside the element, not inside: it may replace its content with a new first screen at any time.
    const known = /** @type {HTMLElement | null} */ (element.nextElementSibling);
    if (known?.dataset.redisCheckoutDiagnosis !== undefined) known.remove();
    const place = document.createElement('div'), root = place.attachShadow({ mode: 'open' });
    place.dataset.redisCheckoutDiagnosis = '';
    root.adoptedStyleSheets = [sheet];
    root.append(report(findings));
    element.after(place);
  }
}

/** All elements of that name, including those in open shadow roots. @returns {Generator<Element>} */
function* elements(/** @type {ParentNode} */ root, /** @type {string} */ name) {
  for (const element of root.querySelectorAll('*')) {
    if (element.localName === name) yield element;
    else if (element.shadowRoot) yield* elements(element.shadowRoot, name);
  }
}

/** Problems that Stripe has with the element's place in the page. @returns {Finding[]} */
function standing(/** @type {Element} */ element) {
  const findings = [], root = element.getRootNode();
  if (root instanceof ShadowRoot) {
    const host = root.host.localName;
    findings.push({ good: false, text: `The element stands in the shadow root of <${host}>, where Stripe shows no form. Put it into the document, and let a slot of <${host}> show it:`, line: `<${host}><${element.localName} sku="…">…</${element.localName}></${host}>` });
  }
  /** @type {Element | null} */
  let around = element;
  while (around && !around.matches('dialog:modal')) {
    const parent = /** @type {Node} */ (around.assignedSlot ?? around.parentNode);
    around = parent instanceof ShadowRoot ? parent.host : /** @type {Element | null} */ (parent instanceof Element ? parent : null);
  }
  if (around) {
    findings.push({ good: false, text: 'The element stands in a dialog that was opened with showModal(): what a bank asks lies behind it, and can\'t be answered. Open it so:', line: 'dialog.show()' });
  }
  return findings;
}

/**
 * @param {string} base
 * @param {string} sku
 * @param {SecurityPolicyViolationEvent[]} violations
 * @returns {Promise<Finding[]>}
 */
async function find(base, sku, violations) {
  const asked = await ask(base, sku);
  if (!asked) {
    const refused = violations.some((event) => event.effectiveDirective === 'connect-src');
    const text = refused ? 'The page policy does not let the page reach the checkout.' : 'The checkout can\'t be reached from here.';
    return [{ good: false, text, line: refused ? `connect-src ${base}` : undefined }];
  }
  const { policy } = asked;
  const line = (/** @type {string} */ directive) => `${directive} ${policy[directive] ?? base}`;
  const [module, script, api] = await Promise.all([
    wasm(line), loads(asked.stripe_js), reaches(asked.stripe_api), frame(asked.stripe_js),
  ]);
  const findings = [
    finding(asked.origin_allowed, 'This page\'s origin may use the checkout.', `The checkout does not know this page's origin, ${location.origin}. Add it on the server:`, `ALLOWED_ORIGINS=${location.origin}`),
    finding(asked.sku_known, `"${sku}" is on offer.`, sku ? `The checkout has no offering "${sku}". Add it to the catalogue, or mend the attribute:` : 'The element names no offering:', '<redis-checkout sku="…">'),
    module,
    finding(script, 'Stripe.js loads.', 'Stripe.js does not load: the page policy, an extension or the network keeps it away.', line('script-src')),
    finding(api, 'Stripe\'s API can be reached.', 'Stripe\'s API can\'t be reached.', line('connect-src')),
    parts(asked.stripe_js),
  ];
  const seen = new Set();
  for (const { effectiveDirective, blockedURI } of violations) {
    const directive = effectiveDirective.replace(/-(elem|attr)$/, '');
    const key = `${directive} ${blockedURI}`;
    if (seen.has(key) || !concerns(blockedURI, base, asked)) continue;
    seen.add(key);
    findings.push({ good: false, text: `The page policy refuses ${blockedURI || 'something'} by ${directive}.`, line: trusted(directive) ?? line(directive) });
  }
  if (!seen.size) findings.push({ good: true, text: 'The page policy refuses nothing that the checkout needs.' });
  return findings;
}

/** Whether a violation concerns the checkout: the page's policy may also block much that isn't ours. */
const concerns = (/** @type {string} */ uri, /** @type {string} */ base, /** @type {Diagnosis} */ asked) =>
  [base, asked.stripe_js, asked.stripe_api].some((ours) => uri.startsWith(new URL(ours).origin))
  || uri.startsWith('trusted-types') || uri === 'wasm-eval' || /\.stripe\.com|[/.]link\.com/.test(uri);

const trusted = (/** @type {string} */ directive) =>
  directive.includes('trusted-types') ? 'trusted-types redis-checkout default' : undefined;

/** Stripe.js loads its parts from plain URLs, which Trusted Types block unless a policy of the page allows them. */
function parts(/** @type {string} */ address) {
  const { origin } = new URL(address);
  let good = true;
  try { document.createElement('script').src = `${origin}/`; } catch { good = false; }
  return finding(good, 'Stripe.js may load its parts.', 'The page demands Trusted Types, and has no policy by which Stripe.js may load its parts. Add one in a script before the checkout\'s, and allow its name:', `self.trustedTypes?.createPolicy('default', { createScriptURL: (address) => new URL(address, document.baseURI).origin === '${origin}' ? address : undefined });`);
}

/** @returns {Finding} */
const finding = (/** @type {boolean} */ good, /** @type {string} */ yes, /** @type {string} */ no, /** @type {string} */ line) =>
  good ? { good, text: yes } : { good, text: no, line };

/** @returns {Promise<Diagnosis | undefined>} */
async function ask(/** @type {string} */ base, /** @type {string} */ sku) {
  try {
    const address = `${base}/embed/diagnosis?${new URLSearchParams({ sku, origin: location.origin })}`;
    const answer = await fetch(address, { credentials: 'omit', signal: AbortSignal.timeout(TIMEOUT) });
    return answer.ok ? await answer.json() : undefined;
  } catch { return undefined; }
}

/** @returns {Promise<Finding>} */
async function wasm(/** @type {(directive: string) => string} */ line) {
  if (typeof WebAssembly === 'undefined') {
    return { good: false, text: 'This browser has no WebAssembly (lockdown mode?). The link to our own page sells by a form.' };
  }
  try {
    await WebAssembly.compile(MODULE);
    return { good: true, text: 'WebAssembly runs.' };
  } catch {
    return { good: false, text: 'The page policy refuses WebAssembly.', line: line('script-src') };
  }
}

/** @returns {Promise<boolean>} */
const loads = (/** @type {string} */ address) => new Promise((done) => {
  if (typeof Reflect.get(self, 'Stripe') === 'function') return done(true);
  const script = document.createElement('script');
  script.onload = () => done(true);
  script.onerror = () => done(false);
  setTimeout(done, TIMEOUT, false);
  try {
    // With the page's default policy, if one is required: the loader has already created ours, and a policy can't
    // be created twice.
    try { script.src = address; } catch {
      const policy = self.trustedTypes?.createPolicy('redis-checkout', { createHTML: (text) => text, createScriptURL: (text) => text });
      script.src = policy?.createScriptURL(address) ?? address;
    }
    document.head.append(script);
  } catch { done(false); }
});

/** @returns {Promise<boolean>} */
const reaches = (/** @type {string} */ address) =>
  fetch(address, { mode: 'no-cors', credentials: 'omit', signal: AbortSignal.timeout(TIMEOUT) }).then(() => true, () => false);

/** Tries to load a frame of Stripe's. If the page's policy blocks it, a violation says so. @returns {Promise<void>} */
const frame = (/** @type {string} */ address) => new Promise((done) => {
  const frame = document.createElement('iframe');
  const end = () => { frame.remove(); done(); };
  frame.hidden = true;
  frame.src = new URL(address).origin;
  frame.onload = frame.onerror = end;
  setTimeout(end, TIMEOUT);
  document.body.append(frame);
});

function report(/** @type {Finding[]} */ findings) {
  const section = document.createElement('section'), list = document.createElement('ul');
  const heading = Object.assign(document.createElement('h2'), { textContent: 'What the checkout finds on this page' });
  section.className = 'diagnosis';
  section.lang = 'en';
  section.dir = 'ltr';
  for (const { good, text, line } of findings) {
    const item = document.createElement('li');
    item.className = good ? 'good' : 'bad';
    item.append(Object.assign(document.createElement('b'), { textContent: good ? 'Good: ' : 'Mend: ' }), text);
    if (line) item.append(Object.assign(document.createElement('code'), { textContent: line }));
    list.append(item);
  }
  section.append(heading, list);
  return section;
}
