/**
 * Formatters of the reader's language, each made once: to make one takes a browser some milliseconds, and a
 * list of 25 times needs a hundred.
 */
const dates = new Map<string, Intl.DateTimeFormat>()
const numbers = new Map<string, Intl.NumberFormat>()
const plurals = new Map<string, Intl.PluralRules>()
const distances = new Map<string, Intl.RelativeTimeFormat>()

export function dateFormat(locale: string, options: Intl.DateTimeFormatOptions = {}): Intl.DateTimeFormat {
  return kept(dates, locale + JSON.stringify(options), () => new Intl.DateTimeFormat(locale, options))
}

export function numberFormat(locale: string, options: Intl.NumberFormatOptions = {}): Intl.NumberFormat {
  return kept(numbers, locale + JSON.stringify(options), () => new Intl.NumberFormat(locale, options))
}

export function pluralRules(locale: string): Intl.PluralRules {
  return kept(plurals, locale, () => new Intl.PluralRules(locale))
}

export function distanceFormat(locale: string): Intl.RelativeTimeFormat {
  return kept(distances, locale, () => new Intl.RelativeTimeFormat(locale))
}

function kept<T>(all: Map<string, T>, key: string, make: () => T): T {
  const format = all.get(key) ?? make()
  all.set(key, format)
  return format
}
