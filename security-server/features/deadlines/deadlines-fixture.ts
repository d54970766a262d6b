/**
 * For tests only: nodes of a server at whose things that end they look, with a database, a mail server and a
 * clock.
 */
import { DAY_MS } from '#core/mail/threshold.ts'
import { migrate } from '#platform/database/migrate.ts'
import { openDatabase } from '#platform/database/open-database.ts'
import { createSendMail } from '#platform/mail/client.ts'
import { Fault } from '#schemas/fault.ts'
import { parseServerId } from '#schemas/identifiers.ts'
import { startMailServer } from '#test/fakes/mail-server.ts'
import { lookForDeadlines } from './look.ts'
import { deadlineMigrations } from './migrations.ts'
import type { LetterRooms } from './rooms.ts'
import { sendLetters } from './send-letters.ts'
import { createDeadlineStore } from './store.ts'

export const START = Date.parse('2026-11-30T12:00:00Z')
export const at = (days: number): string => new Date(START + days * DAY_MS).toISOString()

export const certificate = (sha256: string, q: { from: number; to: number; member?: string }) => ({
  ...{ sha256, keyId: `key-${sha256}`, usage: q.member === undefined ? 'AUTHENTICATION' : 'SIGNING' },
  ...{ subject: `CN=${sha256}`, serialNumber: '7', notBefore: at(q.from), notAfter: at(q.to) },
  ...{ member: q.member, active: true, state: 'registered', ocsp: { state: 'good' } },
})
export const contract = (id: string, version: number, to: number, more: object = {}) => ({
  listed: { contract: id, state: 'ACTIVE' as string },
  content: {
    contract: id,
    version,
    title: `Title of ${id}`,
    validFrom: at(-300),
    validUntil: at(to),
    ...more,
  },
})

export async function createDeadlines(t: Tap) {
  const mail = await startMailServer(t)
  const database = await openDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  await migrate(database, deadlineMigrations)
  const world = {
    now: START,
    certificates: [] as ReturnType<typeof certificate>[],
    contracts: [] as ReturnType<typeof contract>[],
    services: new Map<number, object>(),
    pins: [] as { id: string; name: string; pin: object }[],
    renewals: {} as Record<string, { overdue: string | undefined }>,
    backups: undefined as Awaited<ReturnType<LetterRooms['backupAges']>>,
    areContractsKnown: true,
    isConfigured: true,
    lines: [] as string[],
  }
  const line = (...said: unknown[]): void => void world.lines.push(JSON.stringify(said))
  const node = (name: string, to = ['keys@agency.example']): LetterRooms => ({
    ...{ server: parseServerId('DEV/GOV/1000/ss1'), node: name, clock: () => world.now },
    log: { info: line, warn: line, error: line } as never,
    keys: {
      tokens: () => [
        { keys: [{ certificates: world.certificates }], pin: {} },
        ...world.pins.map((one) => ({ ...one, keys: [] })),
      ],
      internalTls: {
        info() {
          throw new Error('there is none')
        },
      },
    } as never,
    localSystems: { view: () => ({ servicesByKey: world.services }) } as never,
    contracts: {
      view: () => ({ asOf: world.areContractsKnown ? at(0) : undefined, contracts: world.contracts }),
    } as never,
    globalConfiguration: {
      currentWithin() {
        if (!world.isConfigured) throw new Fault('global_conf_outdated')
        return undefined as never
      },
    },
    renewalOf: async (sha256) => world.renewals[sha256],
    backupAges: async () => world.backups,
    settings: { to, language: 'en', backupDays: 3 },
    console: 'https://ss1.agency.example/console',
    store: createDeadlineStore(database),
    send: createSendMail(mail.server),
  })
  const tell = async (...nodes: LetterRooms[]): Promise<string[]> => {
    const before = mail.received.length
    await Promise.all(nodes.map((one) => lookForDeadlines(one)))
    await Promise.all(nodes.map((one) => sendLetters(one)))
    return mail.received
      .slice(before)
      .map(({ raw }) => /^Subject: (.*(?:\r\n .*)*)/m.exec(raw)![1]!.replace(/\r\n /g, ' '))
  }
  return { world, mail, node, tell }
}
type Tap = Parameters<typeof startMailServer>[0]
