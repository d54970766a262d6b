/**
 * How the reader wants pages to look: light, dark or as the system; airy or compact. Remembered in this
 * browser only. The build makes a file of its own of this module, which each page runs before it paints, so
 * that no light page flashes in the dark.
 */

/** The values that may stand on the root element, the first being the default, which is nothing there. */
export const LOOKS = { colours: ['system', 'light', 'dark'], density: ['comfortable', 'compact'] } as const

export type Look = keyof typeof LOOKS

/**
 * What was chosen, or the default: also when the browser keeps nothing for us, or something that is no
 * choice.
 */
export function lookOf(which: Look): string {
  const kept = remembered(which)
  return (LOOKS[which] as readonly string[]).find((one) => one === kept) ?? LOOKS[which][0]
}

/** Changes the page at once, and the next ones too where the browser lets us keep it. */
export function choose(which: Look, value: string): void {
  try {
    localStorage.setItem(keyOf(which), value)
  } catch {
    // A browser that keeps nothing still shows this page as its reader wants it.
  }
  put(which, value)
}

function put(which: Look, value: string): void {
  const { dataset } = document.documentElement
  if (value === LOOKS[which][0]) delete dataset[which]
  else dataset[which] = value
}

function remembered(which: Look): string | null {
  try {
    return localStorage.getItem(keyOf(which))
  } catch {
    return null
  }
}

function keyOf(which: Look): string {
  return `concordat.${which}`
}

/** Puts what is remembered on the page. */
export function wear(): void {
  for (const which of Object.keys(LOOKS) as Look[]) put(which, lookOf(which))
}
