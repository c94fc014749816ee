/**
 * How a language writes money, dates and plurals.
 * @param {string} lang BCP 47
 * @returns {Speech}
 */
export function speech(lang) {
  const dates = (/** @type {Intl.DateTimeFormatOptions} */ options) => {
    const format = new Intl.DateTimeFormat(lang, options);
    return (/** @type {number} */ at) => format.format(at);
  };
  const plurals = new Intl.PluralRules(lang);
  return {
    money: (units, currency, decimals) => new Intl.NumberFormat(lang, {
      style: 'currency', currency, minimumFractionDigits: decimals, maximumFractionDigits: decimals,
    }).format(units),
    date: dates({ dateStyle: 'medium', timeZone: 'UTC' }),
    time: dates({ timeStyle: 'short' }),
    plural: (number) => plurals.select(number),
  };
}
