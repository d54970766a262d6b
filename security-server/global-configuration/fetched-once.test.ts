/** What one worker fetched of the registry serves the others for seconds, whatever lies in the folder. */
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { until } from '#test/until.ts'
import type { ConfigurationClient } from './client.ts'
import { fetchedOnce } from './fetched-once.ts'

const URL_1 = 'http://registry.example/internalconf?version=6'

t.test('two workers ask once; who wants it afresh, and who finds nothing of use, asks again', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'fetched-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  let asked = 0
  const registry: ConfigurationClient = {
    get: async (url) => {
      asked += 1
      if (url.endsWith('down')) throw new Error('down')
      return { status: url.endsWith('none') ? 404 : 200, body: Buffer.from(`answer ${asked}\nto ${url}`) }
    },
    close: async () => undefined,
  }
  const [one, other] = [await fetchedOnce(registry, folder), await fetchedOnce(registry, folder)]
  const first = await one.get(URL_1, 1000)
  t.same(await other.get(URL_1, 1000), first, 'byte for byte')
  t.equal(asked, 1)
  t.match(await other.get(`${URL_1}none`, 1000), { status: 404 })
  t.match(await one.get(`${URL_1}none`, 1000), { status: 404 })
  t.equal(asked, 2, 'what is not there is not there for the others either')
  await t.rejects(one.get(`${URL_1}down`, 1000), /down/)
  await t.rejects(other.get(`${URL_1}down`, 1000), /down/, "a failure is nobody else's")
  t.equal(asked, 4)

  other.afresh?.()
  t.notSame((await other.get(URL_1, 1000)).body, first.body)
  t.equal(asked, 5)
  t.match((await one.get(URL_1, 1000)).body.toString(), /^answer 5\n/, 'and the others have it')

  const files = (): string[] => readdirSync(folder).map((name) => path.join(folder, name))
  const age = (seconds: number): void => {
    for (const file of files()) utimesSync(file, Date.now() / 1000 - seconds, Date.now() / 1000 - seconds)
  }
  age(11)
  t.match(
    (await one.get(URL_1, 1000)).body.toString(),
    /^answer 6\n/,
    'after ten seconds it is asked for again',
  )
  age(-60)
  t.match((await one.get(URL_1, 1000)).body.toString(), /^answer 7\n/, 'and when it is of a later time')
  for (const bytes of ['', '200', 'abc\nx', '20\nx', '\n', '2000\nx']) {
    for (const file of files()) writeFileSync(file, bytes)
    t.match(
      (await one.get(URL_1, 1000)).body.toString(),
      /^answer \d+\nto http/,
      `for ${JSON.stringify(bytes)}`,
    )
  }
  t.equal(asked, 13)
  await one.get(URL_1, 10).catch(() => undefined)
  t.equal(asked, 14, 'a longer one than is allowed is left to the client to refuse')
  age(61)
  await one.get(`${URL_1}next`, 1000)
  t.equal(files().length, 1, 'old ones go')
  rmSync(folder, { recursive: true })
  t.match(await one.get(URL_1, 1000), { status: 200 }, 'without a folder it is asked for each time')
})

t.test('neither a failure of the registry nor an older answer takes the place of what is kept', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'fetched-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const waiting: ((answer: { status: number; body: Buffer }) => void)[] = []
  const slow: ConfigurationClient = {
    get: () => new Promise((resolve) => waiting.push(resolve)),
    close: async () => undefined,
  }
  const answers = [
    { status: 503, body: Buffer.from('busy') },
    { status: 200, body: Buffer.from('new') },
  ]
  const registry = {
    ...slow,
    get: async () => answers.shift() ?? { status: 500, body: Buffer.from('asked again') },
  }
  const [one, other, third] = [
    await fetchedOnce(slow, folder),
    await fetchedOnce(registry, folder),
    await fetchedOnce(registry, folder),
  ]
  const early = one.get(URL_1, 1000)
  await until('the slow question', () => waiting.length === 1)
  const asked = Date.now()
  await until('a later time', () => Date.now() > asked)
  t.match(await other.get(URL_1, 1000), { status: 503 })
  t.match(await third.get(URL_1, 1000), { status: 200 }, 'asks for itself')
  waiting[0]!({ status: 200, body: Buffer.from('old') })
  t.equal((await early).body.toString(), 'old')
  t.equal((await other.get(URL_1, 1000)).body.toString(), 'new')
})
