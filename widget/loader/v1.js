// The script that a course page includes. It defines the element once, however often it is included.
import { asked, violations } from './watch.js'; // first, so that it sees what the policy blocks for the others
import { NAME, RedisCheckout } from './element.js';
import { base } from './page.js';

if (!customElements.get(NAME)) {
  customElements.define(NAME, RedisCheckout);
  if (asked) import(base + '/embed/diagnose.js').then((module) => module.explain(NAME, base, violations));
}
