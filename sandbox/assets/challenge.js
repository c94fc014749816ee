// The bank's prompt, within the merchant's page (3-D Secure) or on its own page (bank redirect).
(() => {
  'use strict';
  const query = new URLSearchParams(location.search);
  const intent = query.get('payment_intent');
  const secret = query.get('payment_intent_client_secret');
  const problem = document.getElementById('problem');
  const buttons = [...document.querySelectorAll('button')];

  const done = (status) => {
    const back = query.get('return_url');
    if (!back) {
      parent.postMessage({ type: 'authenticated' }, query.get('parent'));
      return;
    }
    const url = new URL(back);
    if (!['http:', 'https:'].includes(url.protocol)) return;
    url.searchParams.set('payment_intent', intent);
    url.searchParams.set('payment_intent_client_secret', secret);
    url.searchParams.set('redirect_status', status === 'requires_payment_method' ? 'failed' : 'succeeded');
    location.replace(url);
  };

  const answer = async (pass) => {
    for (const button of buttons) button.disabled = true;
    problem.textContent = '';
    try {
      const response = await fetch('/v3/authenticate', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ payment_intent: intent, client_secret: secret, pass }),
      });
      const body = await response.json();
      // If the intent was cancelled or paid in the meantime, the page reads that from the intent.
      done(response.ok ? body.status : 'requires_payment_method');
    } catch {
      problem.textContent = 'Your bank did not answer. Try again.';
      for (const button of buttons) button.disabled = false;
    }
  };

  document.getElementById('complete').addEventListener('click', () => answer(true));
  document.getElementById('fail').addEventListener('click', () => answer(false));
  document.getElementById('complete').focus();
})();
