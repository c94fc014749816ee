// Types of <redis-checkout> for the DOM and for JSX of React 19. Copy this file into your project, where `include` of tsconfig.json
// finds it. What is here is what docs/embedding.md promises for v1: it only grows.

/** A variant's name, or several between bars (`default|launch`), of which each visitor sees one. Others than these may exist. */
export type RedisCheckoutVariant = 'default' | 'compact' | 'banner' | 'button' | 'launch' | (string & {});

/** A BCP 47 tag. These are spoken, with or without a region; English stands in for others. */
export type RedisCheckoutLanguage = 'en' | 'de' | 'fr' | 'es' | 'pt' | 'ja' | 'ko' | 'zh' | 'he' | (string & {});

export type RedisCheckoutTheme = 'light' | 'dark' | 'auto';

export interface RedisCheckoutAttributes {
  /** Which offering. A change starts over. */
  sku: string;
  variant?: RedisCheckoutVariant;
  lang?: RedisCheckoutLanguage;
  /** `light` without it. `auto` follows the visitor's preference. */
  theme?: RedisCheckoutTheme;
  /** A code that lowers the price from the start. Without it, `?coupon=` of the page's address counts. */
  coupon?: string;
  /** Fills the email field in, until the learner types. */
  email?: string;
  /** A signed token of who is signed in: an OIDC ID token, or that of a launch link. */
  'learner-token'?: string;
}

/** What every event tells. */
export interface RedisCheckoutDetail {
  sku: string;
  /** The variant that is shown; nothing where the page names none, or one that does not exist. */
  variant?: string;
}

/** What the events of a purchase tell. */
export interface RedisCheckoutPurchaseDetail extends RedisCheckoutDetail {
  /** The reference that people may know, such as `RU-7K3M-92QF`. */
  purchase: string;
}

export interface RedisCheckoutHoldDetail extends RedisCheckoutPurchaseDetail {
  /** Such as `2026-12-09T15:00:00.000Z`. */
  hold_expires_at: string;
}

export interface RedisCheckoutSeatsDetail extends RedisCheckoutDetail {
  /** Where there is a purchase. */
  purchase?: string;
  /** Null where seats are not limited. */
  left: number | null;
  capacity: number | null;
  sale: 'open' | 'not_open' | 'closed' | 'sold_out' | 'paused';
}

export interface RedisCheckoutErrorDetail extends RedisCheckoutDetail {
  /** Where there is a purchase. */
  purchase?: string;
  code: RedisCheckoutErrorCode;
}

/** Codes may be added: treat one that you don't know like any failure. */
export type RedisCheckoutErrorCode =
  | 'unknown_sku' | 'unknown_variant' | 'unavailable' | 'offline' | 'timeout' | 'wasm_unavailable' | 'stripe_unavailable'
  | 'payments_unavailable' | 'payment_refused' | 'amount_too_small' | 'rate_limited'
  | 'sold_out' | 'sale_not_open' | 'sale_closed' | 'sale_paused'
  | 'coupon_unknown' | 'coupon_expired' | 'coupon_used_up' | 'coupon_not_for_this' | 'coupon_email_domain'
  | 'price_changed' | 'hold_expired' | 'purchase_ended' | 'invalid_email'
  | (string & {});

export interface RedisCheckoutEventMap {
  'redis-checkout:ready': CustomEvent<RedisCheckoutDetail>;
  'redis-checkout:seats': CustomEvent<RedisCheckoutSeatsDetail>;
  'redis-checkout:opened': CustomEvent<RedisCheckoutPurchaseDetail>;
  'redis-checkout:hold': CustomEvent<RedisCheckoutHoldDetail>;
  'redis-checkout:hold-expiring': CustomEvent<RedisCheckoutHoldDetail>;
  'redis-checkout:paying': CustomEvent<RedisCheckoutPurchaseDetail>;
  'redis-checkout:declined': CustomEvent<RedisCheckoutPurchaseDetail>;
  'redis-checkout:paid': CustomEvent<RedisCheckoutPurchaseDetail>;
  'redis-checkout:granted': CustomEvent<RedisCheckoutPurchaseDetail>;
  'redis-checkout:closed': CustomEvent<RedisCheckoutPurchaseDetail>;
  'redis-checkout:error': CustomEvent<RedisCheckoutErrorDetail>;
}

/** The custom properties that a page may set. */
export type RedisCheckoutProperty =
  | '--redis-checkout-surface'
  | '--redis-checkout-field'
  | '--redis-checkout-text'
  | '--redis-checkout-quiet'
  | '--redis-checkout-line'
  | '--redis-checkout-edge'
  | '--redis-checkout-accent'
  | '--redis-checkout-accent-strong'
  | '--redis-checkout-on-accent'
  | '--redis-checkout-link'
  | '--redis-checkout-danger'
  | '--redis-checkout-danger-wash'
  | '--redis-checkout-good'
  | '--redis-checkout-ring'
  | '--redis-checkout-busy'
  | '--redis-checkout-radius'
  | '--redis-checkout-density'
  | '--redis-checkout-size'
  | '--redis-checkout-font'
  | '--redis-checkout-font-mono';

/** Its properties stand for the attributes of their names: setting null takes the attribute away, and one that is not there reads as ''. */
export interface RedisCheckoutElement extends HTMLElement {
  get sku(): string;
  set sku(value: string | null);
  get variant(): string;
  set variant(value: RedisCheckoutVariant | null);
  get theme(): string;
  set theme(value: RedisCheckoutTheme | null);
  get coupon(): string;
  set coupon(value: string | null);
  get email(): string;
  set email(value: string | null);
  get learnerToken(): string;
  set learnerToken(value: string | null);
}

declare global {
  interface HTMLElementTagNameMap {
    'redis-checkout': RedisCheckoutElement;
  }

  // Of elements, the document and the window: the events bubble.
  interface GlobalEventHandlersEventMap extends RedisCheckoutEventMap {}
}

// For JSX. Without React, leave out what follows, or set `skipLibCheck`.
declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'redis-checkout': DetailedHTMLProps<HTMLAttributes<RedisCheckoutElement>, RedisCheckoutElement> & RedisCheckoutAttributes;
    }
  }

  // For `style`.
  interface CSSProperties extends Partial<Record<RedisCheckoutProperty, string | number>> {}
}
