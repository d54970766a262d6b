/**
 * An instance whose provider (population) keeps everything in PostgreSQL and whose consumer (tax) in SQLite.
 * It has the holder of subject keys, an authority that may order audits, four eyes for content, and a clock
 * that the test moves.
 */
import { execFile } from 'node:child_process'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { backup, DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import type { Browser } from 'playwright-core'
import type { Test } from 'tap'
import { createPopulationRegister } from '#scripts/sandbox/agencies/population-register.ts'
import { openPersonStore } from '#scripts/sandbox/agencies/store.ts'
import { type Visitor, visitor } from '../browser.ts'
import { sessionAt } from '../fakes/installed-registry.ts'
import { moveServer } from '../fakes/move-database.ts'
import { openBrowser } from '../fakes/openid-provider.ts'
import { startProcessClock } from '../fakes/process-clock.ts'
import { addService, startProviderSystem } from '../fakes/provider-system.ts'
import type { PostgresqlServer } from '../postgresql.ts'
import { prepareInstance } from '../processes.ts'
import { until } from '../until.ts'

export const SIDES = ['population', 'tax'] as const
export type Side = (typeof SIDES)[number]
type Said = { stdout: string; code?: number }

const CONCORDAT = path.join(import.meta.dirname, '../../scripts/concordat')
const HOUR_MS = 3_600_000
/** OCSP responses fetched before the clock moves must be valid after it. */
const A_DAY = '86400'
const OPEN_ID = { people: [] as { subject: string; name: string; email: string; password: string }[] }

/**
 * People at both servers, in addition to the sandbox's auditors: one agrees that content is shown, one
 * erases.
 */
const INVITED = [
  { subject: 'peeter', name: 'Peeter Puu', role: 'XROAD_CONTENT_AUDITOR' },
  { subject: 'olev', name: 'Olev Oja', role: 'XROAD_SECURITY_OFFICER' },
]

/** Starts everything; all of it ends with `t`. */
export async function startTwoStores(t: Test, postgresql: PostgresqlServer) {
  const instance = await prepareInstance()
  t.teardown(() => instance.stop())
  const { directory, admin } = instance
  const { population, tax } = instance.servers
  const file = (name: string): string => path.join(directory, name)

  const { environment: moved, now, pass } = startProcessClock(t)
  const concordat = (...args: string[]): Promise<Said> =>
    promisify(execFile)(CONCORDAT, args, { env: { ...process.env, ...moved } }).catch(
      (thrown: Said) => thrown,
    )

  const people = JSON.parse(readFileSync(instance.login.peopleFile, 'utf8')) as typeof OPEN_ID
  for (const { subject, name } of INVITED)
    people.people.push({ subject, name, email: `${subject}@example.org`, password: `${subject} in a test` })
  writeFileSync(instance.login.peopleFile, JSON.stringify(people))

  await moveServer(population.settingsFile, {
    database: await postgresql.freshDatabase(),
    messageLogDatabase: await postgresql.freshDatabase(),
  })
  const authority = { keys: file('authority'), name: 'Data Protection Authority' }
  const key = await concordat('audit-order', 'key', '--keys', authority.keys, '--authority', authority.name)
  const authorities = JSON.stringify([{ name: authority.name, certificateSha256: key.stdout.trim() }])
  const ofServers = {
    ...moved,
    CONCORDAT_LIMITS_UNSTAMPED_HOURS: '100',
    CONCORDAT_AUDITING_AUTHORITIES: authorities,
    CONCORDAT_AUDITING_ORDERS_NEED_APPROVAL: 'true',
    CONCORDAT_AUDITING_CONTENT_FOUR_EYES: 'true',
  }
  const environments = {
    trust: { ...moved, TRUST_SERVICES_OCSP_VALIDITY_SECONDS: A_DAY },
    registry: {
      ...moved,
      CONCORDAT_REGISTRY_AUDIT_AUTHORITIES: authorities,
      CONCORDAT_REGISTRY_CONFIGURATION_VALIDITY_SECONDS: A_DAY,
      CONCORDAT_REGISTRY_CONFIGURATION_OCSP_FRESHNESS_SECONDS: A_DAY,
      CONCORDAT_REGISTRY_CONFIGURATION_SUSPENSION_LIST_SECONDS: A_DAY,
    },
    'subject-keys': { ...moved, SUBJECT_KEYS_DATABASE: await postgresql.freshDatabase() },
    population: ofServers,
    tax: ofServers,
  }
  const start = (name: keyof typeof environments) => instance.start(name, environments[name])
  await Promise.all([start('trust'), start('registry'), start('subject-keys')])
  await Promise.all([start('population'), start('tax')])
  await instance.publish()

  const { address, populationRegister } = instance.systems
  const persons = openPersonStore(file('population-register.db'))
  const register = createPopulationRegister(persons)
  await register.listen({ host: address, port: populationRegister })
  const system = await startProviderSystem(instance.address(40))
  t.teardown(async () => {
    await Promise.all([register.close(), system.close()])
    persons.close()
  })
  await addService(admin.population, {
    provider: population.client,
    serviceCode: 'short',
    url: system.url,
    grants: [{ client: tax.client }],
  })
  for (const side of SIDES)
    for (const { subject, role } of INVITED)
      await admin[side].send('POST', '/people', { email: `${subject}@example.org`, roles: [role] })

  return {
    ...instance,
    file,
    concordat,
    authority,
    /** Runs `concordat verify` on a file with this side's configuration; returns its output. */
    async verify(side: Side, evidence: string, ...more: string[]) {
      const conf = path.join(instance.servers[side].directory, 'configuration/current/globalconf')
      return JSON.parse(
        (await concordat('verify', '--json', '--conf', conf, ...more, evidence)).stdout,
      ) as object
    },
    /** A person of the sandbox's login provider, signed in at a server's console. */
    async arrive(chromium: Browser, side: Side, subject: string): Promise<Visitor> {
      const person = people.people.find((one) => one.subject === subject)!
      const { adminUrl } = instance.servers[side]
      return signedIn(t, chromium, person, { adminUrl, issuer: instance.login.issuer })
    },
    /** The time by the processes' clocks. */
    now,
    /** Moves the clocks of all processes at once. */
    pass,
    /**
     * Hours pass until the current day has settled, and half an hour more; whatever expires is renewed
     * meanwhile.
     */
    async settleToday(): Promise<void> {
      const day = 24 * HOUR_MS
      const settled = (Math.floor(now() / day) + 2) * day
      for (let left = settled - HOUR_MS - now(); left > 0; left -= 20 * HOUR_MS) {
        pass(Math.min(left, 20 * HOUR_MS))
        await instance.publish()
      }
      pass(1.5 * HOUR_MS)
    },
    /** Makes everything logged so far time-stamped and part of a witnessed tree head. */
    async prove(): Promise<void> {
      type Headed = { quorum: { lateSince: string | null } }
      for (const side of SIDES) {
        await admin[side].send('POST', '/message-log/time-stamp')
        // A witness on a busy machine is not waited for: a tree head that is asked for again and again has
        // the quorum in the end.
        await until(`a quorum of cosignatures at ${side}`, async (saw) => {
          const { quorum } = await admin[side].send<Headed>('POST', '/message-log/checkpoint')
          return saw(quorum).lateSince === null
        })
      }
    },
    /**
     * Copies the consumer's data as it is now, without stopping it; returns the function that restores it.
     */
    async backUpTax(): Promise<() => Promise<void>> {
      const [kept, database, keys] = [file('night'), 'message-log.db', 'log-keys']
      const at = (name: string): string => path.join(tax.directory, name)
      cpSync(at(keys), path.join(kept, keys), { recursive: true })
      const log = new DatabaseSync(at(database), { readOnly: true })
      await backup(log, path.join(kept, database))
      log.close()
      return async () => {
        await instance.process('tax').stop()
        for (const name of [keys, database, `${database}-wal`, `${database}-shm`])
          rmSync(at(name), { recursive: true, force: true })
        for (const name of [keys, database]) cpSync(path.join(kept, name), at(name), { recursive: true })
        await start('tax')
      }
    },
  }
}

export type TwoStores = Awaited<ReturnType<typeof startTwoStores>>

/**
 * A window of a person who is signed in at a server's console. The pages of signing in are looked at in
 * by-hand.test.ts.
 */
export async function signedIn(
  t: Test,
  chromium: Browser,
  { subject, password }: { subject: string; password: string },
  { adminUrl, issuer }: { adminUrl: string; issuer: string },
): Promise<Visitor> {
  const browser = openBrowser(t)
  await browser.login(adminUrl, subject, password)
  return visitor(t, chromium, {
    ...{ base: `${adminUrl}/console`, hosts: [new URL(issuer).host] },
    context: sessionAt(browser, adminUrl),
  })
}
