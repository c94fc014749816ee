// Types of the loader's inputs, and of what it calls.

/** The first screen's styles, minified. The build injects them. */
declare const STYLES: string;
/** The height of each variant's first screen, if it isn't the card's. The build injects them. */
declare const HEIGHTS: Record<string, string>;

/** The request that decides which first screen is shown. */
interface Asked {
  sku: string;
  lang: string;
  variant: string;
}

/** A first screen that came with the script. */
interface Sent {
  sku: string;
  lang: string;
  variant: string;
  text: string;
}

/** The data that comes with a first screen. */
interface Told {
  lang: string;
  /** The variant that it shows, if the requested one exists. */
  variant?: string;
  /** Styles of the variant. */
  sheet: string;
  words: string;
  glue: string;
  wasm: string;
  fallback: string;
  open_page: string;
}

/** How a language writes money, days, times and counts. */
interface Speech {
  money(units: number, currency: string, decimals: number): string;
  date(at: number): string;
  time(at: number): string;
  plural(number: number): string;
}

/** A checkout under way. */
interface Handle {
  update(): void;
  speak(screen: string, words: string, speech: Speech): void;
  free(): void;
}

/** The module that wasm-bindgen exports. */
interface Glue {
  default(wasm: { module_or_path: string }): Promise<unknown>;
  hydrate(
    host: HTMLElement,
    main: Element,
    screen: string,
    words: string,
    speech: Speech,
    trusted: (address: string) => string,
  ): Handle;
  kept(sku: string): string | undefined;
  /** Styles of what comes after a press. */
  styles: string;
}

/** A Trusted Types policy; TypeScript's library does not know them yet. */
interface Trusting {
  createHTML(text: string): string;
  createScriptURL(text: string): string;
}

interface Window {
  trustedTypes?: { createPolicy(name: string, policy: Trusting): Trusting };
}
