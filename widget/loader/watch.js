// Records what the page's policy blocks, for the diagnosis.

/** Whether the page's URL asks for the diagnosis. */
export const asked = location.search.includes('redis-checkout-diagnose');

/** @type {SecurityPolicyViolationEvent[]} */
export const violations = [];
if (asked) addEventListener('securitypolicyviolation', (event) => violations.push(event));
