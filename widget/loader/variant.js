// Picks the variant that a visitor sees, if a page names several.

const PLACE = 'redis-checkout-lot';

/** @type {number | undefined} */
let drawn;

/** One of the variants in `names`, separated by bars: evenly across visitors, and the same one on the next visit. */
export function pick(/** @type {string | null} */ names) {
  const all = (names ?? '').split('|').map((name) => name.trim()).filter(Boolean);
  return all.length > 1 ? all[Math.floor(lot() * all.length)] : all[0] ?? '';
}

// A number from 0 to 1 that divides visitors into a thousand groups, and identifies none of them.
function lot() {
  try {
    drawn ??= Number(localStorage.getItem(PLACE) ?? NaN);
    if (!(drawn >= 0 && drawn < 1)) {
      drawn = Math.floor(Math.random() * 1000) / 1000;
      localStorage.setItem(PLACE, String(drawn));
    }
  } catch { /* no storage here: it stays the same while the page lives */ }
  return drawn ??= Math.random();
}
