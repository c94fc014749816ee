// What the page's policy refuses, for a page that is to explain itself.

/** Whether this page was asked to. */
export const asked = location.search.includes('redis-checkout-diagnose');

/** @type {SecurityPolicyViolationEvent[]} */
export const violations = [];
if (asked) addEventListener('securitypolicyviolation', (event) => violations.push(event));
