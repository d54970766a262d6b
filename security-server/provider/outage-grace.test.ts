/**
 * A request arrives while the registry is away and the configuration past its end: only a contract that
 * grants a grace lets it in.
 */
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { idText } from '#schemas/identifiers.ts'
import type { ContractQuestion } from '../global-configuration/contracts/contract-for.ts'
import type { RecordTerms } from '../global-configuration/contracts/index-contracts.ts'
import { checkNotOverdue, type Overdue, overdueFault } from '../global-configuration/overdue.ts'
import { ANY_GRACE, certificateIn } from '../global-configuration/snapshot.ts'
import { bodyOf } from '../peer/peer-fixture.ts'
import { exchange } from './exchange.ts'
import { createProviderWorld, refusalIn } from './fixture.ts'

const HOUR_MS = 3_600_000
const SINCE = Date.parse('2026-03-01T12:00:00.000Z')
const made = await createProviderWorld(t)
const { world, rooms, log, system } = made
const { url } = made.service
const overdue = (forMs: number): Overdue => ({ code: 'global_conf_outdated', since: SINCE, forMs })

/** As the contracts' room answers: the contract of the only service grants so many hours. */
function granting(hours: number): void {
  Object.assign(rooms, {
    contracts: {
      ...rooms.contracts,
      contractFor: (q: ContractQuestion): RecordTerms => {
        const snapshot = world.globalConfiguration.currentWithin(ANY_GRACE)
        if (q.neverInGrace === true) checkNotOverdue(snapshot, [])
        const graceMs = hours * HOUR_MS
        const now = snapshot.overdue([])
        if (now !== undefined && now.forMs >= graceMs) throw overdueFault(now, `${idText(q.client)} has none`)
        return { contract: 'c0ffee/1', ...(graceMs > 0 && { graceMs }) }
      },
    },
  })
}

t.beforeEach(() => {
  for (const stream of made.sent.splice(0)) stream.destroy()
  Object.assign(world, { overdue: undefined })
  Object.assign(made.service, { url })
  system.calls.length = 0
  log.records.length = 0
})

const outcomes = () => log.records.map(({ kind, outcome }) => `${kind} ${outcome}`.trim())

t.test('under a contract that grants it', async (t) => {
  granting(2)
  world.overdue = overdue(HOUR_MS)
  await exchange(await made.ask({ body: await bodyOf(world, randomBytes(100_000)) }), rooms)
  t.equal(system.calls.length, 1)
  t.strictSame(outcomes(), ['request', 'reply ok'])
  t.match(log.records[0]?.extra, { graceSince: '2026-03-01T12:00:00.000Z' }, 'its record says so')
  world.overdue = undefined
  log.records.length = 0
  await exchange(await made.ask(), rooms)
  t.equal(log.records[0]?.extra?.['graceSince'], undefined, 'and that of no other')
})

/** The rooms, which tell when the body of a message begins to be taken. */
function watched(onBody: () => void): typeof rooms {
  const { spool } = log
  const begin: typeof spool.begin = (q) => {
    onBody()
    return spool.begin(q)
  }
  return { ...rooms, messageLog: { ...log, spool: { ...spool, begin } } }
}

t.test('refused before its body is taken', async (t) => {
  for (const [hours, forMs] of [
    [0, 0],
    [0, HOUR_MS],
    [2, 2 * HOUR_MS],
  ] as const) {
    granting(hours)
    world.overdue = overdue(forMs)
    const arrival = await made.ask({ body: await bodyOf(world, randomBytes(300_000)) })
    let taken = 0
    const asked = exchange(
      arrival,
      watched(() => {
        taken += 1
      }),
    )
    t.equal((await refusalIn(made, asked)).fault.code, 'global_conf_outdated')
    t.equal(taken, 0)
  }
  t.equal(system.calls.length, 0)
  t.ok(
    log.records.every(({ kind }) => kind === 'refusal'),
    outcomes().join(),
  )
})

t.test('a grace that ends while the body comes', async (t) => {
  granting(2)
  world.overdue = overdue(HOUR_MS)
  const arrival = await made.ask({ body: await bodyOf(world, randomBytes(300_000)) })
  const asked = exchange(
    arrival,
    watched(() => {
      world.overdue = overdue(2 * HOUR_MS)
    }),
  )
  t.equal((await refusalIn(made, asked)).fault.code, 'global_conf_outdated')
  t.equal(system.calls.length, 0)
  for (const { body } of log.records) await body?.discard()
})

t.test('what ends while the system works is not signed', async (t) => {
  for (const [hours, forMs] of [
    [0, 1],
    [2, 2 * HOUR_MS],
  ] as const) {
    granting(hours)
    world.overdue = undefined
    log.records.length = 0
    const { serviceClient } = rooms
    const ending: typeof rooms = {
      ...rooms,
      serviceClient: {
        ...serviceClient,
        call: async (...asked) => {
          const answer = await serviceClient.call(...asked)
          world.overdue = overdue(forMs)
          return answer
        },
      },
    }
    const { fault } = await refusalIn(made, exchange(await made.ask(), ending))
    t.equal(fault.code, 'reply_not_made')
    t.match(fault.what, /global_conf_outdated/)
    t.strictSame(
      log.records.map(({ kind }) => kind),
      ['request', 'outcome-unknown'],
    )
  }
})

t.test('metadata, trackers and consents wait for the registry', async (t) => {
  granting(24)
  world.overdue = overdue(1)
  const metadata = await made.ask({ target: '/r1/DEV/GOV/2000/population/listMethods' })
  t.equal((await refusalIn(made, exchange(metadata, rooms))).fault.code, 'global_conf_outdated')
  for (const address of ['tracker:', 'consents:']) {
    Object.assign(made.service, { url: address })
    const { fault } = await refusalIn(made, exchange(await made.ask(), rooms))
    t.equal(fault.code, 'global_conf_outdated', address)
  }
})

t.test('who is suspended, revoked or a stranger is refused as ever', async (t) => {
  granting(24)
  world.overdue = overdue(1)
  world.suspended = [{ kind: 'member', id: 'DEV/GOV/1000', since: new Date(SINCE).toISOString() }]
  world.reconfigure()
  t.teardown(() => {
    world.suspended = []
    world.revoked.clear()
    world.reconfigure()
  })
  const ask = async (): Promise<string> =>
    (await refusalIn(made, exchange(await made.ask(), rooms))).fault.code
  t.equal(await ask(), 'suspended')
  world.suspended = []
  world.revoked.add(certificateIn('DEV', world.consumer.keys.authenticationIdentity().certificate.sha256))
  world.reconfigure()
  t.equal(await ask(), 'incorrect_validation_info')
  world.revoked.clear()
  world.reconfigure((shared) => ({
    ...shared,
    securityServers: shared.securityServers.map((one) => ({ ...one, authCertHashes: [] })),
  }))
  t.equal(await ask(), 'unknown_peer')
  t.equal(system.calls.length, 0)
})
