/**
 * Large requests on slow lines, with a real message log: taken as long as they may be, carried out once,
 * however slow the copy.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import t from 'tap'
import { openFullLog, type TestLog } from '../message-log/fixture.ts'
import { bodyOf } from '../peer/peer-fixture.ts'
import { exchange } from './exchange.ts'
import { createProviderWorld } from './fixture.ts'
import type { Arrival } from './receive.ts'
import { RefusedExchange } from './refuse.ts'
import type { ProviderRooms } from './rooms.ts'

const MINUTE = 60_000

const made = await createProviderWorld(t)
const { world, system } = made
let rooms: ProviderRooms
let log: TestLog

// A log of its own for each test: its clock goes back between them.
t.beforeEach(async (t) => {
  world.restore()
  system.calls.length = 0
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-slow-'))
  const opened = await openFullLog({
    databaseUrl: `sqlite:${path.join(folder, 'log.db')}`,
    keyFolder: folder,
    bodyFolder: folder,
    server: world.provider.id,
    node: 'test',
    clock: world.clock,
  })
  log = opened
  rooms = { ...made.rooms, messageLog: log }
  t.teardown(async () => {
    await opened.close()
    rmSync(folder, { recursive: true })
  })
})

/** What a peer sends, byte for byte, so that it can be sent again. */
async function request(): Promise<{ arrival: Arrival; bytes: Buffer }> {
  const body = await bodyOf(world, randomBytes(200_000))
  const arrival = await made.ask({ requestId: randomUUID(), method: 'POST', body })
  const bytes = Buffer.concat(await arrival.content.toArray())
  await body.discard()
  return { arrival, bytes }
}

/** The same bytes on a slow line: `whenHalf` runs when half of them have come. */
function slowly(
  { arrival, bytes }: { arrival: Arrival; bytes: Buffer },
  whenHalf: () => Promise<void>,
): Arrival {
  async function* chunks() {
    const half = bytes.length / 2
    yield bytes.subarray(0, half)
    await whenHalf()
    yield bytes.subarray(half)
  }
  return { ...arrival, content: Readable.from(chunks(), { objectMode: false, highWaterMark: 1 }) }
}

function quickly(one: { arrival: Arrival; bytes: Buffer }): Arrival {
  return slowly(one, async () => undefined)
}

/** Time passes, and the log's clean-up runs as its job would. */
async function pass(minutes: number): Promise<void> {
  for (let passed = 0; passed < minutes; passed += 5) {
    world.skew += 5 * MINUTE
    await exchange(quickly(await request()), rooms)
    await log.maintain()
  }
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const cause = await promise.then(
    () => 'it was not refused',
    (thrown: unknown) => thrown,
  )
  if (!(cause instanceof RefusedExchange)) throw cause
  return cause.refusal.fault.code
}

t.test('a large body may take most of an hour', async (t) => {
  const one = await request()
  await exchange(
    slowly(one, async () => {
      world.skew += 55 * MINUTE
    }),
    rooms,
  )
  t.equal(system.calls.length, 1)
})

t.test('but no longer, even when it keeps pace', async (t) => {
  const one = await request()
  const late = slowly(one, async () => {
    world.skew += 61 * MINUTE
  })
  t.equal(await codeOf(exchange(late, rooms)), 'request_timeout')
  t.equal(system.calls.length, 0)
})

t.test('its signing time is compared with its arrival, not with its end', async (t) => {
  const one = await request()
  world.skew += 6 * MINUTE
  t.equal(await codeOf(exchange(quickly(one), rooms)), 'stale_request')
})

t.test('a copy is refused however slowly it comes', async (t) => {
  const one = await request()
  await exchange(quickly(one), rooms)
  world.skew += 4 * MINUTE
  const copy = slowly(one, () => pass(50))
  t.equal(await codeOf(exchange(copy, rooms)), 'replayed_request')
  t.equal(system.calls.length, 11, 'the first and those of others meanwhile')
})

t.test('of two slow copies one is carried out, whichever is whole first', async (t) => {
  const one = await request()
  const outer = slowly(one, async () => {
    world.skew += 3 * MINUTE
    await exchange(
      slowly(one, async () => {
        world.skew += 10 * MINUTE
      }),
      rooms,
    )
    await pass(40)
  })
  t.equal(await codeOf(exchange(outer, rooms)), 'replayed_request')
  t.equal(system.calls.length, 9)
})

t.test('who is deregistered while it comes is refused', async (t) => {
  const { globalConfiguration } = rooms
  let registered = true
  const current = () => {
    const snapshot = globalConfiguration.current()
    const emptied = <T extends object>(index: T) => ({ ...index, isClientOf: () => registered })
    return { ...snapshot, index: emptied(snapshot.index), indexFor: () => emptied(snapshot.index) }
  }
  const late = slowly(await request(), async () => {
    registered = false
  })
  const changed = {
    ...rooms,
    globalConfiguration: { ...globalConfiguration, current, currentWithin: current },
  }
  t.equal(await codeOf(exchange(late, changed)), 'unknown_member')
  t.equal(system.calls.length, 0)
})

// The last one: the provider's own status is of a later time from here on.
t.test(
  'a large body is taken also when the certificate status that came with it is no longer fresh at its end',
  async (t) => {
    const one = await request()
    world.skew += 4 * MINUTE
    await exchange(
      slowly(one, async () => {
        world.skew += 59 * MINUTE
        // As its job does: the reply is signed with a status of its own time.
        await world.provider.keys.refreshOcsp({ force: true })
      }),
      rooms,
    )
    t.equal(system.calls.length, 1)
  },
)
