// A stand-in for Turnstile's script: a button that only a person presses.
"use strict";
window.turnstile = {
  render(container, options) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "I am human";
    button.addEventListener("click", () => options.callback(`human-${crypto.randomUUID()}`));
    container.append(button);
    return "challenge";
  },
  remove() {},
};
