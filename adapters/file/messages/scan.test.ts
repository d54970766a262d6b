/** When a file that may still grow counts as complete, and what is left alone until then. */
import { appendFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { mock } from 'node:test'
import t from 'tap'
import { emptyFolder } from '#adapters/kit/kit-fixture.ts'
import { createLog } from '#platform/logging/create-log.ts'
import { openPlaces } from './places.ts'
import { createScan } from './scan.ts'
import type { DropSettings, FileMessagesSettings } from './settings.ts'
import type { TakeRooms } from './take-file.ts'

t.test('a look that answers late says nothing of the time until its answer', async (t) => {
  const folder = emptyFolder(t)
  const file = path.join(folder, 'a.csv')
  const log = createLog({ name: 'test', level: 'silent' })
  const places = await openPlaces({ kind: 'folder', folder }, 10, log)
  let now = 0
  let late = (): void => undefined
  const looks = mock.method(performance, 'now', () => now)
  t.teardown(() => looks.mock.restore())
  const drop = {
    ...places.source.drop,
    async look(name: string) {
      const facts = await places.source.drop.look(name)
      late()
      return facts
    },
  }
  const taken: string[] = []
  const rooms: Partial<TakeRooms> = {
    places: {
      ...places,
      source: { ...places.source, drop },
      async move(name: string) {
        taken.push(name)
        return false
      },
    },
  }
  const complete = { by: 'settled', settleMs: 1000, marker: '' } as const
  const limits = { readMs: 60_000 } as FileMessagesSettings['limits']
  const scan = createScan(
    { complete, limits, drop: {} as DropSettings, isMine: () => true },
    rooms as TakeRooms,
  )
  const look = async (ms: number): Promise<string[]> => {
    now += ms
    await scan(AbortSignal.timeout(60_000))
    return taken
  }
  writeFileSync(file, 'code\n')
  t.strictSame(await look(0), [])
  // As on a machine that stood still, or through a slow network: the file grows after it was looked at.
  late = () => {
    appendFileSync(file, 'P1\n')
    now += 5000
    late = () => undefined
  }
  t.strictSame(await look(100), [])
  t.strictSame(await look(0), [], 'it has grown')
  t.strictSame(await look(999), [])
  t.strictSame(await look(1), ['a.csv'])
})
