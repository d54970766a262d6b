/**
 * Goes through a page with Tab alone: everything usable is reached once, in reading order, and is visible;
 * and uses it, as who has no mouse does.
 */
import type { Locator, Page } from 'playwright-core'
import type { Test } from 'tap'

type Control = { words: string; top: number; bottom: number }
type Focused = { at: number; isSeen: boolean; isCovered: boolean }

/**
 * An input of time has a stop for each of its parts; radio buttons of one choice have one together, within
 * which arrows go on.
 */
const STOPS_OF_A_TIME = 8

// Strings, because they run in the page. They describe an element well enough for people to find it.
const LISTEN = (root: string): string => `(() => {
  const usable = 'a[href], button, input, select, textarea, summary, [tabindex]'
  const radiosOf = ({ form, name }) => [...document.querySelectorAll('input[type="radio"]')].filter((one) => one.form === form && one.name === name)
  const isStop = (one) => one.type !== 'radio' || one === (radiosOf(one).find(({ checked }) => checked) ?? radiosOf(one)[0])
  const isUsable = (one) => !one.disabled && one.tabIndex >= 0 && isStop(one) && one.checkVisibility({ visibilityProperty: true })
  const all = [...document.querySelector('${root}').querySelectorAll(usable)].filter(isUsable)
  window.focusedInTurn = []
  window.controlsInTurn = all
  const told = (event) => {
    const one = event.target
    const at = all.indexOf(one)
    if (at < 0) return
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(one)
    const { left, top, width, height } = one.getBoundingClientRect()
    const [x, y] = [left + Math.min(width / 2, 8), top + height / 2]
    const shown = document.elementFromPoint(x, y)
    window.focusedInTurn.push({
      at,
      isSeen: (outlineStyle !== 'none' && outlineWidth !== '0px') || boxShadow !== 'none',
      isCovered: shown === null || !(one.contains(shown) || shown.contains(one)),
    })
  }
  document.addEventListener('focusin', told)
  window.stopListening = () => document.removeEventListener('focusin', told)
  const start = document.querySelector('${root}')
  if (start.tabIndex < 0 && start.hasAttribute('tabindex')) start.focus()
  else all[0].focus()
  return {
    controls: all.map((one) => {
      const { top, bottom } = one.getBoundingClientRect()
      return { words: one.outerHTML.slice(0, 120), top: top + scrollY, bottom: bottom + scrollY }
    }),
    times: all.filter((one) => one.type === 'datetime-local' || one.type === 'date').length,
  }
})()`
const FOCUSED = 'window.stopListening(), window.focusedInTurn'

/** Tests the part of the page below `root`, or all of it. Returns the number of controls. */
export async function tabThrough(
  t: Test,
  page: Page,
  name: string,
  root: 'main' | 'body' = 'main',
): Promise<number> {
  const { controls, times } = await page.evaluate<{ controls: Control[]; times: number }>(LISTEN(root))
  for (let press = controls.length + times * STOPS_OF_A_TIME; press > 0; press--)
    await page.keyboard.press('Tab')
  const focused = await page.evaluate<Focused[]>(FOCUSED)
  const inTurn = focused.filter(({ at }, turn) => at !== focused[turn - 1]?.at).slice(0, controls.length)
  const wordsOf = (at: number): string => controls[at]?.words ?? 'nothing'
  t.strictSame(
    inTurn.map(({ at }) => wordsOf(at)),
    controls.map(({ words }) => words),
    `${name}: Tab reaches all, in the order of the text`,
  )
  const unseen = inTurn.filter(({ isSeen }) => !isSeen).map(({ at }) => wordsOf(at))
  t.strictSame(unseen, [], `${name}: where the focus is can be seen`)
  const covered = inTurn.filter(({ isCovered }) => isCovered).map(({ at }) => wordsOf(at))
  t.strictSame(covered, [], `${name}: nothing lies over what has the focus`)
  const backwards = controls.filter(({ bottom }, at) => bottom <= (controls[at - 1]?.top ?? -1))
  t.strictSame(
    backwards.map(({ words }) => words),
    [],
    `${name}: the eye goes the same way`,
  )
  return controls.length
}

/** More than any page has, so that Tab goes all around once. */
const MOST_STOPS = 300
/** Goes to it from wherever the focus is, as who has no mouse does; nothing but Tab moves the focus. */
export async function tabTo(page: Page, target: Locator): Promise<void> {
  await tabUntil(page, target, focusedOf(page, target))
}

/** Opens, follows or sends it, by Tab and Enter. */
export async function enter(page: Page, target: Locator): Promise<void> {
  await tabTo(page, target)
  await page.keyboard.press('Enter')
}

/** Goes to a field and writes in place of what it holds. */
export async function write(page: Page, target: Locator, text: string): Promise<void> {
  await tabTo(page, target)
  await page.keyboard.type(text)
}

/**
 * Goes to a group of radio buttons, and within it with an arrow, or to the space bar where it is the first.
 */
export async function choose(page: Page, target: Locator): Promise<void> {
  const isFocused = focusedOf(page, target)
  await target.waitFor()
  // The group has one stop, on the chosen button or the first.
  const group = `input[type="radio"][name="${await target.getAttribute('name')}"]:focus`
  await tabUntil(page, target, async () => (await page.locator(group).count()) > 0)
  if (await isFocused()) await page.keyboard.press('Space')
  for (let press = 0; press < MOST_STOPS && !(await isFocused()); press++)
    await page.keyboard.press('ArrowDown')
}

/** Goes to a list of choices, and down in it to this one. */
export async function chooseOption(page: Page, target: Locator, value: string): Promise<void> {
  await tabTo(page, target)
  for (let press = 0; press < MOST_STOPS && (await target.inputValue()) !== value; press++)
    await page.keyboard.press('ArrowDown')
}

function focusedOf(page: Page, target: Locator): () => Promise<boolean> {
  const focused = target.and(page.locator(':focus'))
  return async () => (await focused.count()) > 0
}

async function tabUntil(page: Page, target: Locator, isThere: () => Promise<boolean>): Promise<void> {
  await target.waitFor()
  for (let press = 0; press < MOST_STOPS; press++) {
    if (await isThere()) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`Tab does not reach ${String(target)}`)
}
