/**
 * Finds in a page what is laid out wrongly: what scrolls sideways, sticks out of its box, lies over other
 * text, or breaks a word.
 */

export type Wrong = { what: string; where: string }

/** A string, because it runs in the page, where other names exist than here. */
export const FIND_WRONG = `(() => {
  const wrong = []
  const tell = (what, element) => {
    const place = [element.closest('[class]')?.className, element.tagName.toLowerCase()].join(' ')
    wrong.push({ what, where: place + ' ' + JSON.stringify((element.textContent ?? '').trim().slice(0, 70)) })
  }
  const root = document.documentElement
  if (root.scrollWidth > innerWidth) wrong.push({ what: 'the page scrolls sideways', where: String(root.scrollWidth) })
  for (const element of document.body.querySelectorAll('*')) {
    const { overflowX, display } = getComputedStyle(element)
    if (element.closest('.heard, svg, .skip, select') !== null || display.startsWith('inline')) continue
    // What is folded is laid out, and never seen, in the width of its row; once it is open the row is wider.
    if (!element.checkVisibility()) continue
    if (overflowX === 'visible' && element.clientWidth > 0 && element.scrollWidth > element.clientWidth + 1)
      tell('sticks out by ' + (element.scrollWidth - element.clientWidth), element)
  }
  const words = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement
    if (node.data.trim() === '' || element.closest('.heard, .skip, noscript, script, option, [aria-busy="true"]') !== null) continue
    if (!element.checkVisibility()) continue
    const range = document.createRange()
    range.selectNodeContents(node)
    // What is cut off on purpose, and shown when somebody asks for it, lies over nothing.
    const seen = element.closest('.begins, .clamped')?.getBoundingClientRect()
    const boxes = [...range.getClientRects()]
      .filter(({ width, height, top }) => width > 1 && height > 1 && (seen === undefined || top < seen.bottom - 4))
      .map(({ left, top, right, bottom }) => ({ left, top, right: Math.min(right, seen?.right ?? right), bottom }))
    for (const box of boxes) words.push({ element, box })
    if (boxes.length < 2 || element.closest('pre, textarea, .raw, .breaks') !== null) continue
    let before
    for (let at = 1; at < node.length; at += 1) {
      if (!/[\\p{L}\\p{N}]{2}/u.test(node.data.slice(at - 1, at + 1))) continue
      range.setStart(node, at - 1); range.setEnd(node, at)
      const left = range.getBoundingClientRect()
      range.setStart(node, at); range.setEnd(node, at + 1)
      const right = range.getBoundingClientRect()
      if (right.top > left.top + 4 && left.height > 0) { tell('breaks a word', element); break }
    }
  }
  words.sort((one, other) => one.box.top - other.box.top)
  const told = new Set()
  words.forEach(({ element, box }, at) => {
    for (const other of words.slice(at + 1)) {
      if (other.box.top > box.bottom - 4) break
      if (other.element === element || told.has(element)) continue
      const across = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left)
      const down = Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top)
      if (across > 2 && down > 5) { told.add(element); tell('lies over ' + JSON.stringify(other.element.textContent.trim().slice(0, 40)), element) }
    }
  })
  return wrong
})()`
