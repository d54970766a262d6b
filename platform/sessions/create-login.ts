/** Assembles the login of one listener, for the start of either server. */
import type { FastifyInstance } from 'fastify'
import type { ApiKeys } from '#platform/api-keys/create-api-keys.ts'
import type { AuditLog } from '#platform/audit-log/create-audit-log.ts'
import type { Clock } from '#platform/clock.ts'
import type { Database } from '#platform/database/open-database.ts'
import type { Log } from '#platform/logging/create-log.ts'
import type { Metrics } from '#platform/metrics/create-metrics.ts'
import { type Authenticate, createAuthenticate, type FindPerson } from './authenticate.ts'
import { createOpenIdClient, type Identity } from './client.ts'
import { type Cookies, createCookies } from './cookies.ts'
import type { Sessions } from './create-sessions.ts'
import { createFailedTries, type FailedTries } from './failed-tries.ts'
import { createRefusals, type Refusals } from './refusals.ts'
import { type Admission, loginRoutes } from './routes.ts'
import { createSessionStore } from './store.ts'

/** The settings of a login, with the secrets read from their files. */
export type LoginSettings = {
  issuer: string
  clientId: string
  clientSecret: string
  /** Scheme, host and port under which browsers reach this listener. */
  baseUrl: string
  contact: string
}

/** What the login needs from the store of people. */
type People = {
  /** Admits a person who has proved their identity, or returns why not. */
  admit(identity: Identity): Promise<Admission>
  find: FindPerson
}

/** The parts of a login that another way to sign in shares. */
export type Doorway = {
  cookies: Cookies
  sessions: Sessions
  failed: FailedTries
  refusals: Refusals
  authenticate: Authenticate
}

export type Login = Doorway & { close(): Promise<void> }

/**
 * Adds the routes to `app`. `name` distinguishes its cookies from those of other servers on the same host.
 */
export function createLogin(
  app: FastifyInstance,
  q: {
    name: string
    settings: LoginSettings
    database: Database
    sessions: Sessions
    people: People
    apiKeys: Pick<ApiKeys, 'authenticate'>
    audit: Pick<AuditLog, 'before'>
    metrics: Pick<Metrics, 'counter'>
    clock: Clock
    log: Log
    /** Called when a person has logged in at the provider. */
    admitted(person: string): Promise<void>
  },
): Login {
  const { settings, sessions, people, audit } = q
  const redirectUri = `${settings.baseUrl}/login/callback`
  const cookies = createCookies({ name: q.name, secure: settings.baseUrl.startsWith('https:') })
  const counter = q.metrics.counter('login_refusals_total', 'Refused logins by reason', ['reason'])
  const client = createOpenIdClient({ ...settings, redirectUri })
  const refusals = createRefusals({ audit, counter, log: q.log })
  const authenticate = createAuthenticate({ ...q, cookies, findPerson: people.find })
  const failed = createFailedTries(q.clock)
  loginRoutes(app, {
    client,
    sessions,
    logins: createSessionStore(q.database),
    cookies,
    authenticate,
    admit: people.admit,
    admitted: q.admitted,
    failed,
    refusals,
    audit,
    clock: q.clock,
    redirectUri,
    contact: settings.contact,
  })
  return {
    ...{ cookies, sessions, failed, refusals, authenticate },
    async close() {
      await refusals.flush()
      await client.close()
    },
  }
}
