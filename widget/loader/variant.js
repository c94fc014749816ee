// Which variant a visitor sees, where a page names several.

const PLACE = 'redis-checkout-lot';

/** @type {number | undefined} */
let drawn;

/** One of the variants that `names` has between bars, evenly over visitors, and the same one at the next visit. */
export function pick(/** @type {string | null} */ names) {
  const all = (names ?? '').split('|').map((name) => name.trim()).filter(Boolean);
  return all.length > 1 ? all[Math.floor(lot() * all.length)] : all[0] ?? '';
}

// A number from 0 to 1 that tells a thousand kinds of visitors apart, and no visitor.
function lot() {
  try {
    drawn ??= Number(localStorage.getItem(PLACE) ?? NaN);
    if (!(drawn >= 0 && drawn < 1)) {
      drawn = Math.floor(Math.random() * 1000) / 1000;
      localStorage.setItem(PLACE, String(drawn));
    }
  } catch { /* no storage here: the same as long as the page lives */ }
  return drawn ??= Math.random();
}
