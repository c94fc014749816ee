// Records when a visitor sees the price, can type and can pay, and what that costs the page. Something counts as seen
// once the page has made it ready for a frame, the same for every kind of page.
(() => {
  if (top !== self) return;
  const seen = { shift: 0, longest: 0, blocked: 0 };
  const observe = (type, note) =>
    new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type, buffered: true });
  observe('layout-shift', (entry) => { if (!entry.hadRecentInput) seen.shift += entry.value; });
  observe('longtask', ({ duration }) => {
    seen.longest = Math.max(seen.longest, duration);
    seen.blocked += duration - 50;
  });
  let ready = false;
  addEventListener('redis-checkout:ready', () => { ready = true; });

  const shown = (node) => node?.checkVisibility() && node.getClientRects().length > 0;
  const buys = location.hash === '#buy';
  window.measured = new Promise((resolve) => {
    // Late shifts and tasks are reported once the page is idle.
    const end = () => requestAnimationFrame(() => setTimeout(() => requestIdleCallback(() => resolve(seen))));
    const look = () => {
      const element = document.querySelector('redis-checkout');
      const root = element ? element.shadowRoot : document;
      if (!seen.price && root && shown(root.querySelector('.price'))) seen.price = performance.now();
      if (seen.price && !buys && document.readyState === 'complete' && (ready || !element)) return end();
      const button = buys ? root?.querySelector('[data-press=purchase]') : null;
      if (!seen.pressed && shown(button)) {
        seen.pressed = performance.now();
        button.click();
      }
      const email = seen.pressed ? root.querySelector('input[name=email]') : null;
      if (!seen.email && shown(email)) {
        email.focus();
        if (root.activeElement === email) seen.email = performance.now();
      }
      const form = element?.querySelector('[slot=payment] iframe');
      if (seen.email && form?.clientHeight > 100) {
        seen.payment = performance.now();
        return end();
      }
      requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
})();
