// What a course page includes: defines the element, once however often it is included.
import { NAME, RedisCheckout } from './element.js';

if (!customElements.get(NAME)) customElements.define(NAME, RedisCheckout);
