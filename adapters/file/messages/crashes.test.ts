/** Work that ends between any two steps, and files that are larger than what may be in memory. */
import { closeSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import type { SecurityServer } from '#adapters/client/index.ts'
import { consumed, INBOX, openEnds } from '#adapters/kit/messages/ends-fixture.ts'
import { settle } from '#security-server/features/deliveries/acts-fixture.ts'
import { until } from '#test/until.ts'
import { eachKind } from '../files-fixture.ts'
import { filesIn, settingsOf, startMessages } from './messages-fixture.ts'
import type { Places } from './places.ts'

const DROP = { inbox: INBOX, eventSource: '/tax/drops', eventType: 'x' }
const CSV = { format: { kind: 'csv' }, fields: { code: { type: 'string' } } }

/**
 * Lets `left` steps through, and none after them, whatever is tried: nobody hears of it, as of a process that
 * was killed.
 */
function dying(left: number) {
  const dead = Promise.withResolvers<void>()
  let isDead = false
  let steps = 0
  const step = async <T>(act: () => Promise<T>): Promise<T> => {
    if (isDead) throw new Error('killed')
    const result = await act()
    if (++steps < left) return result
    isDead = true
    dead.resolve()
    throw new Error('killed')
  }
  const arm = ({ places, server }: { places: Places; server: SecurityServer }) => ({
    places: {
      ...places,
      move: (...q: Parameters<Places['move']>) => step(() => places.move(...q)),
      remove: (...q: Parameters<Places['remove']>) => step(() => places.remove(...q)),
      put: (...q: Parameters<Places['put']>) => step(() => places.put(...q)),
    },
    server: {
      ...server,
      send: (...q: Parameters<SecurityServer['send']>) => step(() => server.send(...q)),
      inbox: (id: string) => {
        const inbox = server.inbox(id)
        return {
          ...inbox,
          work: ((handle, options) =>
            inbox.work(async (event, context) => {
              const { acknowledge, giveBack } = event
              event.acknowledge = (...q) => step(() => acknowledge(...q))
              event.giveBack = (...q) => step(() => giveBack(...q))
              await handle(event, context)
            }, options)) as typeof inbox.work,
        }
      },
    },
  })
  return { arm, dead: dead.promise }
}

await eachKind(t, async (t, _kind, { folder, source }) => {
  const ends = await openEnds(t)
  const url = { url: ends.urls.tax, client: 'DEV/GOV/1000/tax' }
  const at = (...names: string[]): string => path.join(folder, ...names)

  await t.test(
    'killed after any step, a file is in one place and its events are accepted once',
    async (t) => {
      const drops = [
        { ...DROP, ...CSV, name: 'rows', each: 'row', key: 'code', files: '\\.csv$' },
        { ...DROP, name: 'files', files: '\\.bin$' },
      ]
      const settings = await settingsOf(t, { ...url, source, drops, complete: { by: 'marker' } })
      for (const [kind, content, steps] of [
        ['csv', 'code\nP1\nP2\nP1\n', 7],
        ['bin', 'x', 5],
        ['csv', 'wrong\n', 5],
      ] as const)
        for (let nth = 1; nth <= steps; nth++) {
          const name = `${kind}-${content.length}-${nth}.${kind}`
          const { arm, dead } = dying(nth)
          const doomed = await startMessages(t, settings, arm)
          writeFileSync(at(name), content)
          writeFileSync(at(`${name}.done`), '')
          const isOver = (): boolean =>
            [...filesIn(folder, 'done'), ...filesIn(folder, 'quarantine')].includes(name)
          await until(
            'it was killed, or had no such step',
            async () =>
              (await Promise.race([
                dead.then(() => true),
                new Promise((resolve) => setImmediate(resolve)),
              ])) === true || isOver(),
          )
          const next = await startMessages(t, settings)
          await until(`${name} is done`, async (saw) => saw(isOver()))
          await next.stop()
          await doomed.stop()
          t.notOk(filesIn(folder).includes(name), 'nowhere else')
          t.notOk(filesIn(folder, 'taken').includes(name))
          await settle(ends.made)
          const events = await ends.population.inbox(INBOX).fetch({ limit: 100 })
          for (const one of events) await one.acknowledge()
          const wanted = { 'code\nP1\nP2\nP1\n': 3, x: 1, 'wrong\n': 0 }[content]
          t.equal(events.length, wanted, `${name}: each once`)
          if (wanted === 0)
            t.match(readFileSync(at('quarantine', `${name}.reason.txt`), 'utf8'), /no column code/)
        }
    },
  )

  await t.test('killed after any step, what came is a file, and is acknowledged', async (t) => {
    const own = { url: ends.urls.population, client: 'DEV/GOV/2000/population', source }
    const way = { name: 'in', inbox: INBOX, directory: folder, file: 'in-{delivery}.txt' }
    const settings = await settingsOf(t, { ...own, deliver: [way] })
    for (const nth of [1, 2]) {
      const sent = await ends.tax.send(INBOX, { id: `in-${nth}`, source: '/tax', type: 'x', data: nth })
      await settle(ends.made)
      const { arm, dead } = dying(nth)
      const doomed = await startMessages(t, settings, arm)
      await dead
      await doomed.stop()
      ends.made.world.skew += 61_000
      const next = await startMessages(t, settings)
      await consumed(ends, sent.id)
      await next.stop()
      const written = filesIn(folder).filter((name) => name.startsWith(`in-${sent.id}.`))
      t.equal(written.length, 1, 'the same event, the same name')
      t.equal(readFileSync(at(written[0]!), 'utf8'), String(nth))
    }
  })
})

t.test(
  'a million rows are read without being in memory, and none is sent when the last one is wrong',
  async (t) => {
    await eachKind(t, async (t, kind, { folder, source }) => {
      if (kind !== 'folder') return void t.pass('once is enough')
      const ends = await openEnds(t)
      const drops = [{ ...DROP, ...CSV, name: 'rows', each: 'row', files: 'csv$' }]
      const settings = await settingsOf(t, {
        ...{ url: ends.urls.tax, client: 'DEV/GOV/1000/tax', source, drops },
        ...{ complete: { by: 'rename' }, limits: { rows: 2_000_000 } },
      })
      const file = path.join(folder, 'large.csv')
      const descriptor = openSync(path.join(folder, '.large'), 'w')
      writeSync(descriptor, 'code,more\n')
      const some = 'P00000000,some text that makes the file larger\n'.repeat(10_000)
      for (let nth = 0; nth < 100; nth++) writeSync(descriptor, some)
      writeSync(descriptor, '=1+1,x\n')
      closeSync(descriptor)
      renameSync(path.join(folder, '.large'), file)
      const before = process.memoryUsage().rss
      let most = before
      const { stop } = await startMessages(t, settings)
      const look = (saw: (state: string[]) => string[]): boolean => {
        most = Math.max(most, process.memoryUsage().rss)
        return saw(filesIn(folder, 'quarantine')).includes('large.csv')
      }
      // Nothing is seen of the reading before its end.
      await until('it is set aside', look, { deadlineMs: 240_000 })
      await stop()
      t.match(
        readFileSync(path.join(folder, 'quarantine/large.csv.reason.txt'), 'utf8'),
        /row 1000001: code begins as a formula/,
      )
      t.ok(most - before < 250_000_000, `${Math.round((most - before) / 1e6)} MB more`)
      await settle(ends.made)
      t.strictSame(await ends.population.inbox(INBOX).fetch(), [])
    })
  },
)
