/**
 * What a person did at a portal is searched for in all that it could have stayed in: the portal's files and
 * log lines, each store of the browser with what it holds, its cookies in whatever form, and a whole profile
 * on disk.
 */
import path from 'node:path'
import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import type { startPortal } from '#adapters/portal/portal-fixture.ts'
import { openProfile } from '../browser.ts'
import type { sessionAt } from '../fakes/installed-registry.ts'
import { filesBelow } from '../files-below.ts'

type Portal = Awaited<ReturnType<typeof startPortal>>

/** Shorter ones may stand in a large file of a browser by chance. */
const LEAST_IN_PROFILE = 5
/** In base64 fewer letters than these are known of a value whose neighbours are not. */
const LEAST_IN_BASE64 = 8

// Strings, because they run in the page, where other names exist than here.
const STORES = `(async () => {
  const found = [document.cookie]
  for (const store of [localStorage, sessionStorage])
    for (const name of Object.keys(store)) found.push(name + ' ' + store.getItem(name))
  for (const name of await caches.keys()) {
    const cache = await caches.open(name)
    for (const request of await cache.keys()) found.push(name + ' ' + request.url + ' ' + (await (await cache.match(request)).text()))
  }
  for (const { scope } of await navigator.serviceWorker.getRegistrations()) found.push('a service worker ' + scope)
  for (const { name } of await indexedDB.databases()) {
    const open = indexedDB.open(name)
    await new Promise((done) => { open.onsuccess = done })
    for (const store of open.result.objectStoreNames) {
      const all = open.result.transaction(store).objectStore(store).getAll()
      await new Promise((done) => { all.onsuccess = done })
      found.push(name + ' ' + JSON.stringify(all.result))
    }
    open.result.close()
  }
  return found.filter((one) => one !== '')
})()`
const FILL = `(async () => {
  for (const store of [localStorage, sessionStorage]) store.setItem('mark', 'planted')
  await (await caches.open('mark')).put('/mark', new Response('planted'))
  const open = indexedDB.open('mark')
  open.onupgradeneeded = () => open.result.createObjectStore('mark', { autoIncrement: true }).add('planted')
  await new Promise((done) => { open.onsuccess = done })
  open.result.close()
})()`
const EMPTY = `(async () => {
  for (const store of [localStorage, sessionStorage]) store.clear()
  await caches.delete('mark')
  const gone = indexedDB.deleteDatabase('mark')
  await new Promise((done) => { gone.onsuccess = done })
})()`

/** Ends the portal: then all that it keeps is in its folder. */
export async function searchPortal(t: Test, portal: Portal, planted: readonly string[]): Promise<void> {
  await portal.stop()
  const files = [...filesBelow(portal.folder)]
  t.ok(files.some(({ file }) => path.basename(file) === 'portal.yaml') && portal.lines.length > 5)
  const kept = [...files, { file: 'the log', bytes: Buffer.from(portal.lines.join('\n')) }]
  t.same(found(kept, planted), [], 'nothing of the person stays at the portal')
}

/** Of the page's origin: all stores, and cookies as they are and decoded. */
export async function searchStores(t: Test, page: Page, planted: readonly string[]): Promise<void> {
  t.same(await page.evaluate(STORES), [], 'no store of the browser has anything, no script sees a cookie')
  const cookies = (await page.context().cookies()).flatMap(({ name, value }) =>
    readings(value).map((bytes) => ({ file: `the cookie ${name}`, bytes })),
  )
  t.ok(cookies.length > 0)
  t.same(found(cookies, planted), [], 'no cookie says anything of the person')
}

/** That the search sees what is there. */
export async function trySearch(t: Test, page: Page): Promise<void> {
  await page.evaluate(FILL)
  t.match(
    (await page.evaluate<string[]>(STORES)).filter((one) => one.includes('planted')),
    { length: 4 },
    'of each kind of store',
  )
  await page.evaluate(EMPTY)
  for (const written of ['P00000042', '%50', 'x'])
    t.equal(
      found([{ file: 'f', bytes: Buffer.from(written) }], ['P00000042']).length,
      written === 'P00000042' ? 1 : 0,
    )
  const [sealed] = readings(Buffer.from('{"code":"P00000042"}').toString('base64url')).slice(-1)
  t.equal(found([{ file: 'f', bytes: sealed! }], ['P00000042']).length, 1, 'decoded')
  const inside = Buffer.from(Buffer.from('a P00000042 b').toString('base64'))
  t.equal(found([{ file: 'f', bytes: inside }], ['P00000042']).length, 1, 'not decoded')
}

/** What `visit` does in a browser of its own leaves nothing on the disk, once that has ended. */
export async function searchProfile(
  t: Test,
  q: { url: string; context: ReturnType<typeof sessionAt>; planted: readonly string[] },
  visit: (page: Page) => Promise<void>,
): Promise<void> {
  const folder = t.testdir({})
  const context = await openProfile(folder, q.context)
  t.teardown(() => context.close())
  const page = context.pages()[0]!
  await visit(page)
  // What is kept would be found: this is.
  await page.evaluate("localStorage.setItem('mark', 'kept-in-the-profile')")
  await context.close()
  const files = [...filesBelow(folder)].map(({ file, bytes }) => ({
    file: path.relative(folder, file),
    bytes,
  }))
  t.ok(found(files, ['kept-in-the-profile']).length > 0, 'a store of the browser is among the files')
  t.same(
    found(
      files,
      q.planted.filter(({ length }) => length >= LEAST_IN_PROFILE),
    ),
    [],
    `nothing of the person stays in ${files.length} files of the profile`,
  )
}

function found(files: readonly { file: string; bytes: Buffer }[], planted: readonly string[]): string[] {
  return planted.flatMap((value) => {
    const forms = formsOf(value)
    return files
      .filter(({ bytes }) => forms.some((form) => bytes.includes(form)))
      .map(({ file }) => `${file}: ${value}`)
  })
}

/**
 * As programs write a text: as it is, in two octets a letter, in an address, in hex, and in base64 wherever
 * it begins in it.
 */
function formsOf(value: string): Buffer[] {
  const bytes = Buffer.from(value)
  const isLong = bytes.length >= LEAST_IN_BASE64
  const encoded = [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .slice(before === 0 ? 0 : before + 1, Math.floor((before + bytes.length) / 3) * 4),
  )
  return [
    ...[bytes, Buffer.from(value, 'utf16le'), Buffer.from(encodeURIComponent(value))],
    ...[Buffer.from(bytes.toString('hex')), ...(isLong ? encoded.map((one) => Buffer.from(one)) : [])],
  ]
}

/** A cookie's value, and what its parts are in base64 and in hex. */
function readings(value: string): Buffer[] {
  const parts = value.split(/[^A-Za-z0-9_+/=-]/)
  return [
    Buffer.from(value),
    ...parts.flatMap((one) => [Buffer.from(one, 'hex'), Buffer.from(one, 'base64')]),
  ]
}
