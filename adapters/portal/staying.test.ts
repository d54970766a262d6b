/**
 * The script of the pages before somebody who is warned that their session ends, and stays: with a document
 * of few parts, no browser.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { runInNewContext } from 'node:vm'
import t from 'tap'

const MINUTE_MS = 60_000
const SCRIPT = readFileSync(path.join(import.meta.dirname, '../../console/citizen/citizen.js'), 'utf8')

type Listener = (event: object) => unknown
type Element = {
  listeners: Map<string, Listener>
  isConnected: boolean
  focus(): void
}

/** A page in Estonian and large text, whose session lasts 15 minutes; `main` is its main part. */
function openPage({ pathname, hash } = { pathname: '/uses', hash: '' }) {
  const page = { focused: undefined as Element | undefined, left: [] as string[], status: 204, now: 0 }
  const told: string[] = []
  let hear: Listener = () => undefined
  const made: Element[] = []
  const element = (more: object = {}): Element => {
    const listeners = new Map<string, Listener>()
    const one = {
      ...{ listeners, isConnected: true },
      addEventListener: (name: string, listener: Listener) => listeners.set(name, listener),
      focus() {
        page.focused = one
      },
      contains: (other: unknown) => other === made.at(-1),
      append() {},
      remove() {},
      setAttribute() {},
      ...more,
    }
    return one
  }
  const main = element()
  let look = (): void => undefined
  const document = {
    get activeElement() {
      return page.focused
    },
    body: element({ dataset: pathname === '/ended' ? {} : { idleMinutes: '15' } }),
    documentElement: { lang: 'et', classList: ['large'] },
    querySelectorAll: () => [],
    querySelector: (one: string) => (one === 'main' ? main : element()),
    createElement() {
      made.push(element())
      return made.at(-1)
    },
  }
  runInNewContext(SCRIPT, {
    ...{ document, URLSearchParams, addEventListener() {}, clearInterval() {} },
    BroadcastChannel: class {
      addEventListener(_: string, listener: Listener) {
        hear = listener
      }
      postMessage(message: string) {
        told.push(message)
      }
    },
    Date: { now: () => page.now },
    setInterval(each: () => void) {
      look = each
    },
    fetch: async () => ({ status: page.status }),
    location: { pathname, hash, replace: (at: string) => page.left.push(at) },
  })
  /**
   * The warning comes, and its button, which it makes last, is pressed: by keyboard where the focus came
   * `from` something.
   */
  async function stay(from: Element | null | undefined): Promise<void> {
    page.now += 14 * MINUTE_MS
    look()
    const button = made.at(-1)!
    if (from !== undefined) {
      page.focused = button
      button.listeners.get('focus')?.({ relatedTarget: from })
    }
    await button.listeners.get('click')?.({})
  }
  return { page, main, element, stay, told, hear: (data: string) => hear({ data }) }
}

t.test('who stays signed in goes on where they were, such as in a text that they write', async (t) => {
  const { page, main, element, stay } = openPage()
  const text = element()
  await stay(text)
  t.ok(page.focused === text, 'the text has the focus again')
  await stay(undefined)
  t.ok(page.focused === text, 'who points at the button never left it')
  await stay(null)
  t.ok(page.focused === main, 'who was nowhere goes on in the page')
  text.isConnected = false
  await stay(text)
  t.ok(page.focused === main, 'the text is gone meanwhile')
  t.strictSame(page.left, [])
})

t.test('whose session is over reads its end as they chose', async (t) => {
  const { page, stay } = openPage()
  page.status = 401
  await stay(null)
  t.strictSame(page.left, ['/ended?language=et&large=yes'])
})

t.test('the page that follows signing out clears the other windows, and no other page does', async (t) => {
  t.strictSame(openPage({ pathname: '/ended', hash: '#left' }).told, ['left'])
  t.strictSame(openPage({ pathname: '/ended', hash: '' }).told, [])
  const { page, told, hear } = openPage()
  hear('left')
  t.strictSame(page.left, ['/ended?language=et&large=yes'])
  t.strictSame(told, ['used'])
})
